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
PRICE_MOST, SIZE_MOST = 10**15, 10**12  # a thousand million of the currency; more is not a price


Odd = tuple[str, str, str]  # provider, kind, symbol


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
    provider: str = ""  # whose prints are taken just now: anomalies are counted for it
    counts: Counter[Odd] = field(default_factory=Counter)
    samples: dict[Odd, dict[str, Any]] = field(default_factory=dict)
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
        key = (self.provider, kind, symbol)
        self.counts[key] += 1
        if key not in self.samples and len(self.samples) < SAMPLES_KEPT:
            self.samples[key] = {"said": str(item)[:300]}

    def take(self, prints: Iterable[Print], now: int) -> tuple[list[Print], list[Print]]:
        """(what moves the board, what is late but still belongs into its candle), in the order given.

        A trade is kept without the quote it came with when that cannot be.
        """
        fresh: list[Print] = []
        late: list[Print] = []
        symbols, horizon, factor = self._symbols, now + FUTURE, self.jump_percent / 100
        for item in prints:
            state = symbols.get(item.symbol)
            if state is None:
                self.odd(Anomaly.UNKNOWN_SYMBOL, item)
                continue
            _, at, bid, ask, _, _, last, _, key, _ = item
            wrong = _impossible(item, horizon)
            if wrong is not None:
                self.odd(wrong, item)
                continue
            if key and not self._is_new(state, item):
                continue
            price = last or ((bid + ask) // 2 if bid and ask else 0)
            known = state.last
            if price and known:
                if abs(price - known) > known * factor and not self._confirmed(state, item, price):
                    continue
                state.jump = 0
            if bid or ask:
                centre = price or known
                reach = centre * factor
                crossed = bid and ask and bid > ask
                if crossed or (
                    centre and (abs((bid or centre) - centre) > reach or abs((ask or centre) - centre) > reach)
                ):
                    self.odd(Anomaly.CROSSED if crossed else Anomaly.JUMP, item)
                    if not last:
                        continue
                    item = item._replace(bid=0, ask=0, bid_size=0, ask_size=0)  # noqa: PLW2901
            if at < state.at:
                is_late = bool(last) and state.at - at <= LATE
                self.odd(Anomaly.OUT_OF_ORDER if is_late or not last else Anomaly.STALE, item)
                if is_late:
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
        """A far price is taken when the next print is near it, within a minute; until then it is counted.

        The same message again confirms nothing: the second has a later time, or a key of its own.
        """
        near = state.jump and abs(price - state.jump) * 1_000 <= state.jump * NEAR
        passed = item.at - state.jump_at
        if near and (0 < passed <= CONFIRMED_WITHIN or (passed == 0 and item.key)):
            return True
        state.jump, state.jump_at = price, item.at
        self.odd(Anomaly.JUMP, item)
        return False

    def drain(self) -> list[tuple[str, str, str, int, dict[str, Any]]]:
        """(provider, kind, symbol, how often, example) since the last time."""
        found = [(*key, count, self.samples.get(key, {})) for key, count in self.counts.items()]
        self.counts.clear()
        self.samples.clear()
        return found


def _impossible(item: Print, horizon: int) -> Anomaly | None:
    """What is wrong with a print whatever came before it."""
    _, at, bid, ask, bid_size, ask_size, last, size, _, halted = item
    if not (
        at.__class__ is int
        and bid.__class__ is int
        and ask.__class__ is int
        and last.__class__ is int
        and size.__class__ is int
        and bid_size.__class__ is int
        and ask_size.__class__ is int
    ):
        return Anomaly.NOT_A_NUMBER
    if last < 0 or bid < 0 or ask < 0 or size < 0 or bid_size < 0 or ask_size < 0 or at <= 0:
        return Anomaly.NOT_POSITIVE
    if not (last or bid or ask or halted is not None):
        return Anomaly.NOT_POSITIVE
    if max(last, bid, ask) > PRICE_MOST or max(size, bid_size, ask_size) > SIZE_MOST:
        return Anomaly.MALFORMED
    return Anomaly.FUTURE if at > horizon else None


def latest(prints: Sequence[Print], now: int) -> list[Print]:
    """One print a symbol, the newest, with the volume of all: what a feed that cannot keep up goes on with.

    What cannot be and what is said again is left out: merged, it would spoil or double the good ones.
    """
    found: dict[str, Print] = {}
    seen: set[tuple[str, str]] = set()
    for item in prints:
        if _impossible(item, now + FUTURE) is not None or (item.symbol, item.key) in seen:
            continue
        if item.key:
            seen.add((item.symbol, item.key))
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
