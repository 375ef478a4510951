"""The latest of every instrument as prints come, with the session's open, high, low and volume. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from marketdata.domain.feed import LiveQuote, Print


@dataclass(frozen=True, slots=True)
class SessionSpan:
    """A session in microseconds: prints from `opens` to before `closes` count for its figures."""

    date: date
    opens: int
    closes: int


class Entry:
    """One instrument's latest, to be changed in place."""

    __slots__ = (
        *("ask", "ask_size", "at", "bid", "bid_size", "changed", "closed", "closed_for", "exchange", "halted", "high"),
        "instrument_id",
        *("last", "low", "open", "previous_close", "provider", "received", "sequence", "session", "symbol", "volume"),
    )

    def __init__(self, instrument_id: int, symbol: str, exchange: str, known: LiveQuote | None, close: int) -> None:
        self.instrument_id, self.symbol, self.exchange = instrument_id, symbol, exchange
        self.bid = known.bid if known else 0
        self.ask = known.ask if known else 0
        self.last = known.last if known else 0
        self.bid_size = known.bid_size if known else 0
        self.ask_size = known.ask_size if known else 0
        self.at = known.at if known else 0
        self.received = known.received if known else 0
        self.provider = known.provider if known else ""
        self.session = known.session if known else date.min
        self.open = known.open if known else 0
        self.high = known.high if known else 0
        self.low = known.low if known else 0
        self.volume = known.volume if known else 0
        self.previous_close = (known.previous_close if known else 0) or close
        self.halted = known.halted if known else False
        self.sequence = known.sequence if known else 0
        self.changed = False
        self.closed = self.last  # the last price within a session
        self.closed_for = date.min  # the session for which the exchange's own previous close is known

    def quote(self) -> LiveQuote:
        """As a value."""
        return LiveQuote(
            self.instrument_id, self.symbol, self.bid, self.ask, self.last, self.bid_size, self.ask_size, self.at,
            self.received, self.provider, self.session, self.open, self.high, self.low, self.volume,
            self.previous_close, self.halted, self.sequence,
        )  # fmt: skip


@dataclass
class LiveState:
    """Every instrument that the feed follows. `spans` are the sessions in force (or next) by exchange."""

    entries: dict[str, Entry] = field(default_factory=dict)
    spans: dict[str, SessionSpan] = field(default_factory=dict)

    def take(self, prints: Iterable[Print], received: int, provider: str) -> list[Entry]:
        """Apply prints that the cleaner took; the instruments that have changed since they were last written."""
        changed = []
        entries, spans = self.entries, self.spans
        for item in prints:
            entry = entries.get(item.symbol)
            if entry is None:
                continue
            if item.bid:
                entry.bid, entry.bid_size = item.bid, item.bid_size
            if item.ask:
                entry.ask, entry.ask_size = item.ask, item.ask_size
            if item.halted is not None:
                entry.halted = item.halted
            price = item.last
            if price:
                span = spans.get(entry.exchange)
                if span is not None and span.opens <= item.at < span.closes:
                    if entry.session != span.date:
                        self._begin(entry, span.date)
                    if not entry.open:
                        # The opening may not be known of a session whose later minutes are.
                        entry.open, entry.high, entry.low = (
                            price,
                            max(entry.high, price),
                            min(entry.low or price, price),
                        )
                    elif price > entry.high:
                        entry.high = price
                    elif price < entry.low:
                        entry.low = price
                    entry.volume += item.size
                    entry.closed = price
                entry.last = price
            entry.at, entry.received, entry.provider = item.at, received, provider
            entry.sequence += 1
            if not entry.changed:
                entry.changed = True
                changed.append(entry)
        return changed

    @staticmethod
    def _begin(entry: Entry, session: date) -> None:
        """A new session: the last price of the one before is its previous close, unless the exchange's is known."""
        if entry.closed and entry.session != date.min and entry.closed_for != session:
            entry.previous_close = entry.closed
        entry.session = session
        entry.open = entry.high = entry.low = entry.volume = 0

    def seed(self, quote: LiveQuote, received: int) -> Entry | None:
        """Begin with what a vendor says of the session so far, where nothing of it has been heard yet."""
        entry = self.entries.get(quote.symbol)
        if entry is None or entry.session == quote.session or quote.at < entry.at:
            return None
        entry.session = quote.session
        entry.open, entry.high, entry.low, entry.volume = quote.open, quote.high, quote.low, quote.volume
        entry.previous_close = quote.previous_close or entry.previous_close
        if quote.at > entry.at:
            entry.bid, entry.ask, entry.bid_size, entry.ask_size = (
                quote.bid, quote.ask, quote.bid_size, quote.ask_size,
            )  # fmt: skip
            entry.last = entry.closed = quote.last or entry.last
            entry.at, entry.received, entry.provider, entry.halted = quote.at, received, quote.provider, quote.halted
            entry.sequence += 1
        if entry.changed:
            return None
        entry.changed = True
        return entry

    def amend(self, symbol: str, session: date, totals: tuple[int, int, int, int]) -> Entry | None:
        """What is stored of a session: (open, high, low, volume); an open of 0 is not known.

        Figures only grow: some of it may have been heard already. A session of which nothing has been heard begins: its
        minutes may come before its next print.
        """
        entry = self.entries.get(symbol)
        if entry is None or entry.session > session:
            return None
        if entry.session < session:
            self._begin(entry, session)
        opened, high, low, volume = totals
        entry.open = opened or entry.open
        entry.high, entry.low = max(entry.high, high), min(entry.low or low, low)
        entry.volume = max(entry.volume, volume)
        if entry.changed or not entry.at:
            return None  # it is shown already, or there is no price to show yet
        entry.changed = True
        return entry

    def closes(self, known: Mapping[str, int], session: date) -> None:
        """Closes before a session from stored history, by symbol: the exchange's own, they replace what was heard."""
        for symbol, close in known.items():
            entry = self.entries.get(symbol)
            if entry is not None and close and entry.session <= session:
                entry.previous_close, entry.closed_for = close, session
