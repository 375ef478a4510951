"""What a vendor says, taken or refused: nothing that cannot be reaches the board. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marketdata.domain.feed import Anomaly, Print

SECOND = 1_000_000
FUTURE = 2 * SECOND
CONFIRMED_WITHIN = 60 * SECOND
LATE = 120 * SECOND
KEYS_KEPT = 256
SAMPLES_KEPT = 500
# A second print confirms a jump when it is this near to the first, in parts of a thousand.
NEAR = 50


class _Symbol:
    """What is known of a symbol: the newest time and price, a jump that waits to be said again, trades seen."""

    __slots__ = ("at", "jump", "jump_at", "keys", "last", "order")

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.at = 0
        self.jump = 0
        self.jump_at = 0
        self.keys: set[str] = set()
        self.order: deque[str] = deque()


@dataclass
class Cleaner:
    """Takes prints of known symbols. `jump_percent`: a price further than this from the last must be said twice."""

    jump_percent: float = 50.0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _symbols: dict[str, _Symbol] = field(default_factory=dict)

    def know(self, lasts: Mapping[str, int]) -> None:
        """The symbols that are taken, each with its last known price (0: none). Others are forgotten."""
        for symbol, last in lasts.items():
            if symbol not in self._symbols:
                self._symbols[symbol] = _Symbol(last)
        for symbol in set(self._symbols) - set(lasts):
            del self._symbols[symbol]

    def odd(self, kind: str, item: object) -> None:
        """Count something that was not taken, and keep the first of its kind."""
        symbol = getattr(item, "symbol", "")[:32]
        key = (kind, symbol)
        self.counts[key] += 1
        if key not in self.samples and len(self.samples) < SAMPLES_KEPT:
            self.samples[key] = {"said": str(item)[:300]}

    def take(self, prints: Iterable[Print], now: int) -> tuple[list[Print], list[Print]]:
        """(what moves the board, what is late but still belongs into its candle), in the order given."""
        fresh: list[Print] = []
        late: list[Print] = []
        symbols, horizon = self._symbols, now + FUTURE
        factor = self.jump_percent / 100
        for item in prints:
            state = symbols.get(item.symbol)
            if state is None:
                self.odd(Anomaly.UNKNOWN_SYMBOL, item)
                continue
            at, last, bid, ask = item.at, item.last, item.bid, item.ask
            if last < 0 or bid < 0 or ask < 0 or item.size < 0 or not (last or bid or ask or item.halted is not None):
                self.odd(Anomaly.NOT_POSITIVE, item)
                continue
            if at > horizon:
                self.odd(Anomaly.FUTURE, item)
                continue
            if item.key and not self._is_new(state, item):
                continue
            if bid and ask and bid > ask:
                self.odd(Anomaly.CROSSED, item)
                if not last:
                    continue
                item = item._replace(bid=0, ask=0, bid_size=0, ask_size=0)  # noqa: PLW2901
            price = last or (bid + ask) // 2 if (bid and ask) or last else 0
            known = state.last
            if price and known and abs(price - known) > known * factor and not self._confirmed(state, item, price):
                continue
            if at < state.at:
                self.odd(Anomaly.OUT_OF_ORDER, item)
                if last and state.at - at <= LATE:
                    late.append(item)
                continue
            state.at = at
            if price:
                state.last = price
            fresh.append(item)
        return fresh, late

    def _is_new(self, state: _Symbol, item: Print) -> bool:
        if item.key in state.keys:
            self.odd(Anomaly.DUPLICATE, item)
            return False
        state.keys.add(item.key)
        state.order.append(item.key)
        if len(state.order) > KEYS_KEPT:
            state.keys.discard(state.order.popleft())
        return True

    def _confirmed(self, state: _Symbol, item: Print, price: int) -> bool:
        """A far price is taken when another print near it follows within a minute; until then it is counted."""
        near = state.jump and abs(price - state.jump) * 1_000 <= state.jump * NEAR
        if near and 0 <= item.at - state.jump_at <= CONFIRMED_WITHIN:
            state.jump = 0
            return True
        state.jump, state.jump_at = price, item.at
        self.odd(Anomaly.JUMP, item)
        return False

    def drain(self) -> list[tuple[str, str, int, dict[str, Any]]]:
        """(kind, symbol, how often, example) since the last time."""
        found = [
            (kind, symbol, count, self.samples.get((kind, symbol), {})) for (kind, symbol), count in self.counts.items()
        ]
        self.counts.clear()
        self.samples.clear()
        return found


def latest(prints: Sequence[Print]) -> list[Print]:
    """One print a symbol, the newest, with the volume of all: what a feed that cannot keep up goes on with."""
    found: dict[str, Print] = {}
    for item in prints:
        before = found.get(item.symbol)
        if before is None:
            found[item.symbol] = item
            continue
        newer, older = (item, before) if item.at >= before.at else (before, item)
        found[item.symbol] = newer._replace(
            bid=newer.bid or older.bid,
            ask=newer.ask or older.ask,
            bid_size=newer.bid_size or older.bid_size,
            ask_size=newer.ask_size or older.ask_size,
            last=newer.last or older.last,
            size=newer.size + older.size,
            halted=older.halted if newer.halted is None else newer.halted,
        )
    return list(found.values())
