"""A person's watchlists as pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marketdata.pages.board import Row, rows_of
from marketdata.selectors.watchlists import watchlists_of


@dataclass(frozen=True, slots=True)
class ListOverview:
    """A list with the instruments on it, in the person's order."""

    id: int
    name: str
    instrument_ids: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many instruments are on it."""
        return len(self.instrument_ids)


@dataclass(frozen=True, slots=True)
class ListChoice:
    """A list, and whether it holds the instrument in question."""

    id: int
    name: str
    has: bool


def lists_of(user_id: int) -> list[ListOverview]:
    """The person's lists in their order, with what is on them."""
    return [ListOverview(each.id, each.name, tuple(item.id for item in each.items)) for each in watchlists_of(user_id)]


def list_choices(user_id: int | None, instrument_id: int) -> list[ListChoice]:
    """The person's lists, each with whether the instrument is on it; none for a visitor."""
    if user_id is None:
        return []
    return [ListChoice(each.id, each.name, instrument_id in each.instrument_ids) for each in lists_of(user_id)]


def list_rows(chosen: ListOverview) -> list[Row]:
    """What is on a list, as it stands now."""
    return rows_of(chosen.instrument_ids)


def moved(ids: Sequence[int], which: int, *, up: bool) -> list[int]:
    """The same order with one of them a place further up or down, if there is a place."""
    order = list(ids)
    if which in order:
        here = order.index(which)
        there = here - 1 if up else here + 1
        if 0 <= there < len(order):
            order[here], order[there] = order[there], order[here]
    return order
