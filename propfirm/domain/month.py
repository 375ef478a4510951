"""Days of profit and loss as months of weeks. Pure."""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from trading.domain.rules.state import DayResult


@dataclass(frozen=True, slots=True)
class DayCell:
    """A day of the grid; `profit_minor` is None on a day that has no result."""

    day: date
    in_month: bool
    profit_minor: int | None = None
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Month:
    """A month: its weeks from Monday on, and what its days made together."""

    first: date
    weeks: tuple[tuple[DayCell, ...], ...]
    profit_minor: int
    best: DayCell | None
    worst: DayCell | None


def months_of(days: Sequence[DayResult], most: int = 3) -> list[Month]:
    """The newest `most` months that have results, the newest first."""
    results = {date.fromisoformat(item.day): item for item in days}
    firsts = sorted({day.replace(day=1) for day in results}, reverse=True)[:most]
    return [_month(first, results) for first in firsts]


def _month(first: date, results: dict[date, DayResult]) -> Month:
    weeks = []
    cells: list[DayCell] = []
    for week in Calendar().monthdatescalendar(first.year, first.month):
        row = []
        for day in week:
            found = results.get(day) if day.month == first.month else None
            row.append(
                DayCell(day, day.month == first.month)
                if found is None
                else DayCell(day, in_month=True, profit_minor=found.profit_minor, opened=found.opened)
            )
        cells += [cell for cell in row if cell.profit_minor is not None]
        weeks.append(tuple(row))
    traded = [cell for cell in cells if cell.profit_minor]
    return Month(
        first,
        tuple(weeks),
        sum(cell.profit_minor or 0 for cell in cells),
        max(traded, key=lambda cell: cell.profit_minor or 0, default=None),
        min(traded, key=lambda cell: cell.profit_minor or 0, default=None),
    )
