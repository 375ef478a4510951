"""Minutes around scheduled news."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from trading.domain.rules.conduct import NewsBlackout
from trading.domain.rules.facts import NewsEvent

_IMPACTS = ("low", "medium", "high")


def in_blackout(rule: NewsBlackout, at: datetime, symbol: str, events: Iterable[NewsEvent]) -> NewsEvent | None:
    """The first event whose minutes (both ends inclusive) hold `at` and concern `symbol`, or None."""
    for event in sorted(events, key=lambda item: (item.at, item.title)):
        counts = _IMPACTS.index(event.impact) >= _IMPACTS.index(rule.impact)
        near = (
            event.at - timedelta(minutes=rule.minutes_before) <= at <= event.at + timedelta(minutes=rule.minutes_after)
        )
        if counts and near and (not event.symbols or symbol in event.symbols):
            return event
    return None
