"""The replay market's definition and its rules: prints of a day, market time, spread, masking.

A replay plays loaded daily bars. A session gives `prints` prints, its ticks: open, then high and low in the order of a
stated rule, then close; with more than four, the extremes fall at seeded moments and the prints between are modelled.
Tick `t` is print `t % prints` of session `t // prints`. There is no overnight: a tick is in force until the next.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.errors import Invalid

PRINTS = 4
MAX_PRINTS = 79  # every five minutes
OPEN = 0
SESSION_OPENS, SESSION_CLOSES = time(9, 30), time(15, 59, 59)
SESSION_SECONDS = 23_400
EXCHANGE_ZONE = ZoneInfo("America/New_York")
MASKED_EPOCH = date(2001, 1, 1)  # a Monday: the first week of every masked market
MASKED_BASE = 100
MAX_SYMBOLS = 500
MAX_WARMUP_DAYS = 2000
IntArray = NDArray[np.int64]


class HighLowRule(StrEnum):
    """Which extreme of a session prints first. The bar does not say; the rule does.

    `nearer_first`: the extreme nearer to the open, low first when both are as near. It needs nothing of the close, so
    the first two prints do not give it away.
    """

    NEARER_FIRST = "nearer_first"
    LOW_FIRST = "low_first"
    HIGH_FIRST = "high_first"


class Basis(StrEnum):
    """In which shares a market's prices count.

    `adjusted`: those of the slice's first session, so that no split is seen. `traded`: those of the day, so that a
    split multiplies shares and divides prices when it takes effect.
    """

    ADJUSTED = "adjusted"
    TRADED = "traded"


@dataclass(frozen=True, slots=True)
class ReplayDefinition:
    """Which slice of history a market plays, and how. Together with the history it determines every tick.

    `symbols` are the real ones, in display order. `seconds_per_tick` is wall time. `warmup_days` sessions before
    `start` are shown as history. `spread_bps` is the full modelled spread in basis points of the price. `mask` hides
    symbols, dates and price levels; `seed` orders the aliases and draws the modelled prints. `prints` is how many a
    session gives: with four, whoever sees the second below the open knows that the third is the day's high. `basis` is
    in which shares prices count; a stored definition that does not say is `adjusted`.
    """

    start: date
    end: date
    symbols: tuple[str, ...]
    seconds_per_tick: Decimal = Decimal(5)
    warmup_days: int = 250
    spread_bps: Decimal = Decimal(4)
    mask: bool = False
    seed: int = 0
    high_low_rule: HighLowRule = HighLowRule.NEARER_FIRST
    prints: int = PRINTS
    basis: Basis = Basis.ADJUSTED

    def validated(self) -> "ReplayDefinition":
        """Itself; raises Invalid with the offending field in the details."""
        _require(self.start <= self.end, "end", "The end is before the start.")
        _require(0 < len(self.symbols) <= MAX_SYMBOLS, "symbols", f"Choose between 1 and {MAX_SYMBOLS} symbols.")
        _require(len(set(self.symbols)) == len(self.symbols), "symbols", "A symbol is there twice.")
        _require(all(0 < len(symbol) <= 16 for symbol in self.symbols), "symbols", "A symbol is empty or too long.")
        _require(
            Decimal("0.01") <= self.seconds_per_tick <= 86_400,
            "seconds_per_tick",
            "A tick lasts 0.01 to 86400 seconds.",
        )
        _require(
            0 <= self.warmup_days <= MAX_WARMUP_DAYS, "warmup_days", f"Warm-up is 0 to {MAX_WARMUP_DAYS} sessions."
        )
        _require(0 <= self.spread_bps <= 1000, "spread_bps", "The spread is 0 to 1000 basis points.")
        _require(PRINTS <= self.prints <= MAX_PRINTS, "prints", f"A session gives {PRINTS} to {MAX_PRINTS} prints.")
        _require(0 <= self.seed < 2**63, "seed", "The seed is a whole number from 0 to 2^63 - 1.")
        return self

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, canonical: equal definitions give equal documents."""
        return {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "symbols": list(self.symbols),
            "seconds_per_tick": _canonical(self.seconds_per_tick),
            "warmup_days": self.warmup_days,
            "spread_bps": _canonical(self.spread_bps),
            "mask": self.mask,
            "seed": self.seed,
            "high_low_rule": str(self.high_low_rule),
            "prints": self.prints,
            "basis": str(self.basis),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ReplayDefinition":
        """Read and validate a definition; raises Invalid naming the field."""
        fields = set(cls.__dataclass_fields__)
        unknown = sorted(set(data) - fields)
        _require(not unknown, unknown[0] if unknown else "", "There is no such field in a replay definition.")
        missing = sorted({"start", "end", "symbols"} - set(data))
        _require(not missing, missing[0] if missing else "", "This field is needed.")
        values: dict[str, Any] = {}
        for name, raw in data.items():
            try:
                values[name] = _READERS[name](raw)
            except (TypeError, ValueError, InvalidOperation) as error:
                raise Invalid("invalid_definition", f"The market's {name} is not valid.", {"field": name}) from error
        return cls(**values).validated()


def _require(condition: bool, field: str, message: str) -> None:
    if not condition:
        raise Invalid("invalid_definition", message, {"field": field})


def _canonical(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _date(raw: Any) -> date:
    return raw if isinstance(raw, date) and not isinstance(raw, datetime) else date.fromisoformat(raw)


def _decimal(raw: Any) -> Decimal:
    value = Decimal(str(raw))
    if isinstance(raw, bool) or not value.is_finite():
        raise ValueError("not a finite number")
    return value


def _int(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise TypeError("not a whole number")
    return raw


def _bool(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError("not true or false")
    return raw


def _symbols(raw: Any) -> tuple[str, ...]:
    if isinstance(raw, str) or not all(isinstance(item, str) for item in raw):
        raise TypeError("not a list of symbols")
    return tuple(item.strip().upper() for item in raw)


_READERS: dict[str, Any] = {
    "start": _date,
    "end": _date,
    "symbols": _symbols,
    "seconds_per_tick": _decimal,
    "warmup_days": _int,
    "spread_bps": _decimal,
    "mask": _bool,
    "seed": _int,
    "high_low_rule": HighLowRule,
    "prints": _int,
    "basis": Basis,
}


def day_of(tick: int, prints: int = PRINTS) -> int:
    """Which session a tick belongs to; the first before the market has begun."""
    return max(tick, 0) // prints


def phase_of(tick: int, prints: int = PRINTS) -> int:
    """Which print of its session a tick is: 0 is the open, the last is the close."""
    return max(tick, 0) % prints


def print_at(session: date, phase: int, prints: int = PRINTS) -> datetime:
    """The market time of a print, in UTC: evenly spread over the session. Early closes are not modelled."""
    if phase == prints - 1:
        return datetime.combine(session, SESSION_CLOSES, tzinfo=EXCHANGE_ZONE).astimezone(UTC)
    opens = datetime.combine(session, SESSION_OPENS, tzinfo=EXCHANGE_ZONE).astimezone(UTC)
    return opens + timedelta(seconds=SESSION_SECONDS * phase // (prints - 1))


def day_prints(ohlc: IntArray, rule: HighLowRule) -> IntArray:
    """The four prints of each bar: [..., (open, high, low, close)] -> [..., (open, extreme, other extreme, close)]."""
    opens, highs, lows, closes = (ohlc[..., index] for index in range(4))
    if rule is HighLowRule.NEARER_FIRST:
        low_first = (opens - lows) <= (highs - opens)
    else:
        low_first = np.full(opens.shape, rule is HighLowRule.LOW_FIRST)
    return np.stack([opens, np.where(low_first, lows, highs), np.where(low_first, highs, lows), closes], axis=-1)


def _fold(values: IntArray, floor: IntArray, ceiling: IntArray) -> IntArray:
    """Values outside [floor, ceiling] mirrored back inside: a walk that meets a bound turns and does not stick."""
    span = np.maximum(ceiling - floor, 1)
    over = np.mod(values - floor, 2 * span)
    return np.asarray(np.minimum(floor + np.where(over > span, 2 * span - over, over), ceiling), dtype=np.int64)


def day_path(ohlc: IntArray, definition: ReplayDefinition) -> IntArray:
    """All prints of each bar: [..., 4] -> [..., prints]. Open, extremes and close are the bar's own.

    The extremes fall at two moments drawn from the seed. Between two of the four the prints walk at random, tied to
    both ends (a bridge) and kept inside the day's range; a step is about a third of the range. Drawn as whole numbers,
    so every machine draws the same.
    """
    anchors, prints = day_prints(ohlc, definition.high_low_rule), definition.prints
    if prints == PRINTS:
        return anchors
    rng = np.random.Generator(np.random.PCG64(definition.seed))
    shape = ohlc.shape[:-1]
    one, other = rng.integers(1, prints - 1, shape), rng.integers(1, prints - 2, shape)
    other = other + (other >= one)
    first, second = np.minimum(one, other), np.maximum(one, other)
    walk = rng.integers(-500, 501, (*shape, prints, 4)).sum(axis=-1).cumsum(axis=-1)
    high, low = ohlc[..., 1], ohlc[..., 2]
    roomy = (high - low >= 2).astype(np.int64)
    floor, ceiling = low + roomy, high - roomy
    path = np.empty((*shape, prints), dtype=np.int64)
    for step in range(prints):
        segment = (step >= first).astype(np.int64) + (step >= second)
        start = np.choose(segment, [np.zeros_like(first), first, second])
        end = np.choose(segment, [first, second, np.full_like(first, prints - 1)])
        begin = np.take_along_axis(anchors, segment[..., None], -1)[..., 0]
        finish = np.take_along_axis(anchors, segment[..., None] + 1, -1)[..., 0]
        done, length = step - start, end - start
        line = begin + (finish - begin) * done // length
        left_at = np.take_along_axis(walk, start[..., None], -1)[..., 0]
        right_at = np.take_along_axis(walk, end[..., None], -1)[..., 0]
        bridge = walk[..., step] - left_at - (right_at - left_at) * done // length
        wobble = (high - low) * bridge // 2_000
        path[..., step] = np.where(done == 0, begin, _fold(line + wobble, floor, ceiling))
    path[..., prints - 1] = anchors[..., 3]
    return path


def spread(last: IntArray, spread_bps: Decimal) -> tuple[IntArray, IntArray]:
    """Bid and ask in price ticks: half the spread, at least half a tick, on each side, rounded outward to the grid.

    The bid never falls below one tick.
    """
    scale = 20_000 * 1_000
    half = np.maximum(last * int(spread_bps * 1_000), scale // 2)
    bid = (last * scale - half) // scale
    ask = -((-(last * scale + half)) // scale)
    return np.maximum(bid, 1), ask


_WORDS = (
    *("ALFA", "BRVO", "CHRL", "DLTA", "EKKO", "FXTR", "GLLF", "HTEL", "INDJ", "JLET", "KLOO", "LIMA", "MYKE"),
    *("NVBR", "OSKR", "PAPA", "QBEK", "ROMO", "SYRA", "TNGO", "UNIF", "VKTR", "WHSK", "XRAY", "YNKE", "ZULU"),
)


def mask_aliases(symbols: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """(real symbol, neutral alias) in display order. The order depends on the seed, not on the real symbols' order."""
    shuffled = sorted(symbols, key=lambda symbol: hashlib.sha256(f"{seed}|{symbol}".encode()).digest())
    return [(symbol, _alias(index)) for index, symbol in enumerate(shuffled)]


def _alias(index: int) -> str:
    round_, position = divmod(index, len(_WORDS))
    return _WORDS[position] + (str(round_ + 1) if round_ else "")


def mask_shift(first_session: date) -> timedelta:
    """How far masked dates move: whole weeks, so weekdays stay and the first session falls into the epoch's week."""
    monday = first_session - timedelta(days=first_session.weekday())
    return MASKED_EPOCH - monday
