"""What becomes of prints: cleaned, put on the board, rolled into minutes. No thread, no database: called in turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from marketdata.domain.candles import Roller, Row, is_whole
from marketdata.domain.cleaning import Cleaner
from marketdata.domain.feed import FeedBar, LiveQuote, Print
from marketdata.domain.live_state import Entry, LiveState, SessionSpan

# History that is played again is shown, but never becomes history once more.
PLAYED = frozenset({"replay"})


@dataclass(frozen=True, slots=True)
class Followed:
    """An instrument that the feed follows."""

    id: int
    symbol: str
    exchange: str
    is_simulated: bool = False


@dataclass
class Engine:
    """State of the feed between two flushes."""

    cleaner: Cleaner
    roller: Roller = field(default_factory=Roller)
    state: LiveState = field(default_factory=LiveState)
    ids: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    changed: list[Entry] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def follow(
        self, instruments: Iterable[Followed], known: Mapping[int, LiveQuote], closes: Mapping[str, int]
    ) -> None:
        """The instruments from now on; `known` are quotes from before, `closes` the last stored closes by symbol."""
        wanted = {item.symbol: item for item in instruments}
        for symbol in set(self.state.entries) - set(wanted):
            del self.state.entries[symbol]
        for symbol, item in wanted.items():
            if symbol not in self.state.entries:
                quote = known.get(item.id)
                self.state.entries[symbol] = Entry(item.id, symbol, item.exchange, quote, closes.get(symbol, 0))
        self.ids = {symbol: item.id for symbol, item in wanted.items()}
        self.cleaner.know({symbol: entry.last or entry.previous_close for symbol, entry in self.state.entries.items()})

    def spans(self, spans: Mapping[str, SessionSpan]) -> None:
        """The sessions in force by exchange."""
        self.state.spans = dict(spans)

    def take(self, prints: Sequence[Print], heard: int, provider: str) -> None:
        """Work on what a provider said, heard at a time (microseconds)."""
        self.cleaner.provider = provider
        fresh, late = self.cleaner.take(prints, heard)
        self.taken += len(fresh)
        ids, roll = self.ids, self.roller.take
        if provider not in PLAYED:
            for item in fresh:
                if item.last:
                    roll(ids[item.symbol], item)
            for item in late:
                roll(ids[item.symbol], item)
        self.changed += self.state.take(fresh, heard, provider)

    def seed(self, quotes: Iterable[LiveQuote], now: int) -> None:
        """What a vendor says of the session so far, for instruments that nothing has been heard of in it."""
        for quote in quotes:
            entry = self.state.seed(quote, now)
            if entry is not None:
                self.changed.append(entry)
        self.cleaner.know({symbol: entry.last for symbol, entry in self.state.entries.items()})

    def bars(self, bars: Sequence[FeedBar], provider: str) -> None:
        """A vendor's own minutes."""
        self.cleaner.provider = provider
        for bar in bars:
            ident = self.ids.get(bar.symbol)
            if ident is None or not is_whole(bar):
                self.cleaner.odd("malformed" if ident is not None else "unknown_symbol", bar)
                continue
            self.rows.append(self.roller.replace(ident, bar))

    def amend(
        self,
        totals: Mapping[str, tuple[int, int, int, int]],
        session: date,
        until: int,
        instruments: Iterable[Followed],
    ) -> None:
        """What is stored of a session before `until`, by symbol; what trades since then is added."""
        more = self.roller.volumes(until)
        for item in instruments:
            if item.symbol in totals:
                opened, high, low, volume = totals[item.symbol]
                found = opened, high, low, volume + more.get(item.id, 0)
                entry = self.state.amend(item.symbol, session, found)
                if entry is not None:
                    self.changed.append(entry)

    def quotes(self) -> list[LiveQuote]:
        """All that is known."""
        return [entry.quote() for entry in self.state.entries.values() if entry.at]

    def flush(self) -> list[LiveQuote]:
        """The quotes that have changed since the last flush."""
        changed, self.changed = self.changed, []
        for entry in changed:
            entry.changed = False
        return [entry.quote() for entry in changed]

    def unread(self, provider: str, kind: str, sample: object) -> None:
        """A message of a vendor that could not be read at all."""
        self.cleaner.provider = provider
        self.cleaner.odd(kind, sample)

    def minutes(self, now: int) -> list[Row]:
        """The minutes that are over and the vendor's bars, to be stored."""
        rows, self.rows = self.rows, []
        return rows + self.roller.close(now)
