"""What an instrument's history says, as lines of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketdata.domain.metrics import window_metrics
from marketdata.pages.board import closes_of

DAYS = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A figure with its label; `why` tells why there is none, `tone` colours one with a sign."""

    label: str
    text: str
    tone: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of the price range with its share of the volume; `bar` is its length, 0 to 100."""

    low: float
    high: float
    share: str
    bar: int
    in_value_area: bool


@dataclass(frozen=True, slots=True)
class SymbolMetrics:
    """The lines, and the volume by price over `profile_days`, the highest price first."""

    lines: Sequence[Line] = ()
    profile: Sequence[Bucket] = ()
    profile_days: int = DAYS


def symbol_metrics(instrument_id: int) -> SymbolMetrics:
    """The figures of an instrument."""
    closes = closes_of([instrument_id], DAYS + 1).get(instrument_id, [])
    if len(closes) < 2:
        return SymbolMetrics()
    found = window_metrics(("",), np.array(closes)[:, None])[0]
    return SymbolMetrics([Line("Trend", found.trend or "flat")])
