"""When a market's ticks were, which session each belongs to, and what prices were then: one reading for every kind.

A replay computes it from its slice. A live or simulated market reads what was stored with its ticks (`LiveTick`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from marketdata.domain.slices import Slice
from marketdata.domain.types import ListingView, Quote, TickAction
from marketdata.models import CorporateAction, LiveTick, Market
from marketdata.selectors import history
from marketdata.selectors.facts import market_facts
from marketdata.selectors.history import listing_map, market_slice

_KEPT = 64
_ACTIONS_SECONDS = 30.0


class Timeline(Protocol):
    """The past of a market up to its tick in force. Sessions are counted from 0 ("days")."""

    def day_of(self, tick: int) -> int:
        """The session that a tick belongs to."""
        ...

    def first_tick(self, day: int) -> int:
        """The first tick of a session that has begun."""
        ...

    def at(self, tick: int) -> datetime:
        """The market time of a tick."""
        ...

    def last_before(self, moment: datetime, upto: int) -> int:
        """The last tick of 0..upto that was before a moment; -1 when there is none."""
        ...

    def lasts(self, tick: int) -> dict[int, Decimal]:
        """Last prices by listing id as known at a tick, those that trade no more included."""
        ...

    def quotes(self, tick: int) -> dict[int, Quote]:
        """The quotes by listing id as known at a tick (a live market keeps the last prices only)."""
        ...

    def actions(self, day: int) -> tuple[TickAction, ...]:
        """The corporate actions of a session, as they take effect at its first tick."""
        ...

    def action_days(self, upto: int) -> list[int]:
        """The sessions of 0..upto that have any."""
        ...

    def before_split(self, day: int, action: TickAction) -> Fraction:
        """The last price before a session, in the shares of after its split: what a fraction of a share is worth."""
        ...


@dataclass(frozen=True)
class ReplayTimeline:
    """Of a replay: a function of its slice."""

    table: Slice
    source_label: str
    by_day: dict[int, tuple[TickAction, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, market_id: int) -> ReplayTimeline:
        """The timeline over a market's slice."""
        table = market_slice(market_id)
        found: dict[int, list[TickAction]] = {}
        for column in table.columns:
            for row, action in column.actions:
                found.setdefault(row - table.warmup, []).append(action)
        label = Market.objects.filter(pk=market_id).values_list("source_label", flat=True).first() or ""
        return cls(table, label, {day: tuple(actions) for day, actions in found.items()})

    def day_of(self, tick: int) -> int:
        """The session that a tick belongs to."""
        return max(tick, 0) // self.table.prints

    def first_tick(self, day: int) -> int:
        """The first tick of a session."""
        return day * self.table.prints

    def at(self, tick: int) -> datetime:
        """The market time of a tick."""
        return self.table.at(tick)

    def last_before(self, moment: datetime, upto: int) -> int:
        """The last tick before a moment."""
        low, high = 0, upto + 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.table.at(middle) < moment else (low, middle)
        return low - 1

    def lasts(self, tick: int) -> dict[int, Decimal]:
        """Last prices at a tick."""
        row = self.table.last[min(tick, self.table.ticks_total - 1)].tolist()
        columns = zip(self.table.listing_ids, row, self.table.tick_sizes, strict=True)
        return {listing_id: last * size for listing_id, last, size in columns if last > 0}

    def quotes(self, tick: int) -> dict[int, Quote]:
        """The quotes of a tick."""
        return {quote.listing_id: quote for quote in self.table.tick(tick, self.source_label).quotes.values()}

    def actions(self, day: int) -> tuple[TickAction, ...]:
        """The corporate actions of a session."""
        return self.by_day.get(day, ())

    def action_days(self, upto: int) -> list[int]:
        """The sessions that have any."""
        return sorted(day for day in self.by_day if 0 <= day <= upto)

    def before_split(self, day: int, action: TickAction) -> Fraction:
        """The last print before the session over the ratio; before the slice, its first print."""
        table, tick = self.table, self.first_tick(day)
        column, ratio = table.listing_ids.index(action.listing_id), Fraction(action.value)
        ticks = Fraction(int(table.last[tick - 1, column])) / ratio if tick else Fraction(int(table.last[0, column]))
        return ticks * Fraction(table.tick_sizes[column])


@dataclass
class LiveTimeline:
    """Of a live or simulated market: what was stored with its ticks."""

    market_id: int
    _days: dict[int, tuple[date, int]] = field(default_factory=dict)
    _ticks: dict[int, int] = field(default_factory=dict)
    _actions: dict[int, tuple[float, tuple[TickAction, ...]]] = field(default_factory=dict)

    def _row(self, tick: int) -> LiveTick | None:
        return LiveTick.objects.filter(market_id=self.market_id, index__lte=tick).order_by("-index").first()

    def _day(self, day: int) -> tuple[date, int] | None:
        """(session date, first tick) of a session that has begun."""
        if day not in self._days:
            rows = LiveTick.objects.filter(market_id=self.market_id, day_index=day).order_by("index")
            found = rows.values_list("session_date", "session_tick").first()
            if found is None:
                return None
            self._days[day] = found
        return self._days[day]

    def day_of(self, tick: int) -> int:
        """The session that a tick belongs to."""
        day = self._ticks.get(tick)
        if day is None:
            row = self._row(tick)
            day = 0 if row is None else row.day_index
            if len(self._ticks) > _KEPT:
                self._ticks.clear()
            self._ticks[tick] = day
        return day

    def first_tick(self, day: int) -> int:
        """The first tick of a session."""
        found = self._day(day)
        return 0 if found is None else found[1]

    def at(self, tick: int) -> datetime:
        """The market time of a tick."""
        row = self._row(tick)
        if row is None:
            raise LookupError(f"market {self.market_id} has had no tick {tick}")
        return row.at

    def last_before(self, moment: datetime, upto: int) -> int:
        """The last stored tick before a moment."""
        rows = LiveTick.objects.filter(market_id=self.market_id, at__lt=moment, index__lte=upto)
        found = rows.order_by("-at", "-index").values_list("index", flat=True).first()
        return -1 if found is None else found

    def lasts(self, tick: int) -> dict[int, Decimal]:
        """The last prices kept at or before a tick: of its minute, or of the session's end."""
        rows = LiveTick.objects.filter(market_id=self.market_id, index__lte=tick, prices__isnull=False)
        prices = rows.order_by("-index").values_list("prices", flat=True).first() or {}
        return {int(listing_id): Decimal(text) for listing_id, text in prices.items()}

    def quotes(self, tick: int) -> dict[int, Quote]:
        """What was last paid, as quotes without a spread."""
        row = self._row(tick)
        if row is None:
            return {}
        listings = {view.id: view for view in listing_map(self.market_id).values()}
        found = {}
        for listing_id, last in self.lasts(tick).items():
            view = listings.get(listing_id)
            if view is not None:
                found[listing_id] = Quote(
                    view.symbol, listing_id, last, last, last, row.index, row.at, "recorded", False, 0, last
                )
        return found

    def actions(self, day: int) -> tuple[TickAction, ...]:
        """The corporate actions with an ex-date after the session before and up to this session's date."""
        kept = self._actions.get(day)
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        found = self._read_actions(day)
        if len(self._actions) > _KEPT:
            self._actions.clear()
        self._actions[day] = time.monotonic() + _ACTIONS_SECONDS, found
        return found

    def _read_actions(self, day: int) -> tuple[TickAction, ...]:
        today = self._day(day)
        before = self._day(day - 1) if day > 0 else None
        if today is None or before is None:
            return ()  # Nobody held anything in this market before its first session.
        by_instrument = {view.instrument_id: view for view in listing_map(self.market_id).values()}
        rows = CorporateAction.objects.filter(
            instrument_id__in=list(by_instrument), ex_date__gt=before[0], ex_date__lte=today[0]
        )
        ordered = sorted(rows, key=lambda row: (row.ex_date, _ORDER.get(row.kind, 9), row.pk))
        return tuple(self._action(row, by_instrument[row.instrument_id], today[1]) for row in ordered)

    def _action(self, row: CorporateAction, view: ListingView, tick: int) -> TickAction:
        value = row.value
        if row.kind == CorporateAction.Kind.DELISTING and not value:
            value = self.lasts(tick - 1).get(view.id, Decimal(0))
        kind: str = row.kind
        return TickAction(kind, view.id, view.symbol, value, row.ex_date, row.new_symbol)  # type: ignore[arg-type]

    def action_days(self, upto: int) -> list[int]:
        """The sessions that have any; a live market looks back ten sessions."""
        return [day for day in range(max(upto - 10, 0), upto + 1) if self.actions(day)]

    def before_split(self, day: int, action: TickAction) -> Fraction:
        """The last price before the session over the ratio."""
        last = self.lasts(self.first_tick(day) - 1).get(action.listing_id, Decimal(0))
        return Fraction(last) / Fraction(action.value)


_ORDER = {"split": 0, "dividend": 1, "symbol_change": 2, "delisting": 3}
_timelines: OrderedDict[int, Timeline] = OrderedDict()


def timeline(market_id: int) -> Timeline:
    """A market's timeline; kept by the process as long as what it is made of."""
    if not market_facts(market_id).is_replay:
        kept = _timelines.get(market_id)
        if not isinstance(kept, LiveTimeline):
            kept = _timelines[market_id] = LiveTimeline(market_id)
    else:
        kept = _timelines.get(market_id)
        if not isinstance(kept, ReplayTimeline) or kept.table is not market_slice(market_id):
            kept = _timelines[market_id] = ReplayTimeline.of(market_id)
    _timelines.move_to_end(market_id)
    while len(_timelines) > _KEPT:
        _timelines.popitem(last=False)
    return kept


def cache_clear() -> None:
    """Forget what this process keeps of markets (tests, crash drills)."""
    _timelines.clear()
    market_facts.cache_clear()
    history.cache_clear()


def names_changed(actions: Sequence[TickAction]) -> dict[int, str]:
    """Listing ids whose symbol changes, and the new symbol."""
    return {action.listing_id: action.new_symbol for action in actions if action.kind == "symbol_change"}
