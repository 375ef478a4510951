"""A symbol's page: its history in figures, its corporate actions, where its bars come from, others' panels."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.errors import NotFound
from marketdata.domain.symbol_panels import PanelRequest, symbol_panels
from marketdata.models import BarSeries, CorporateAction, DailyBar, Instrument, IntradayBar
from marketdata.pages.board import Row, base_rows, with_live
from marketdata.pages.horizon import hidden_from

logger = logging.getLogger(__name__)

YEAR = timedelta(days=365)
MAX_ACTIONS = 12


@dataclass(frozen=True, slots=True)
class Day:
    """A day of trading as the page tells it."""

    date: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True)
class ActionLine:
    """A corporate action in words."""

    date: date
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where an instrument's daily bars come from."""

    source: str
    licence: str
    first_date: date
    last_date: date
    bars: int


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """What the page needs beside the price."""

    row: Row
    is_active: bool
    day: Day | None
    low_52: Decimal | None
    high_52: Decimal | None
    actions: list[ActionLine]
    source: Source | None
    has_intraday: bool

    @property
    def position_52(self) -> int | None:
        """Where the price stands in the year's range, 0 to 100."""
        if self.row.last is None or self.low_52 is None or self.high_52 is None or self.high_52 <= self.low_52:
            return None
        share = (self.row.last - self.low_52) / (self.high_52 - self.low_52)
        return max(0, min(100, round(share * 100)))


def symbol_row(raw: str) -> tuple[Row, bool]:
    """The instrument of a symbol, `EXCHANGE:SYMBOL` too, in any case, and whether it still trades. Raises NotFound."""
    symbol = raw.strip().upper().rpartition(":")[2][:16]
    known = next((row for row in base_rows() if row.symbol == symbol), None)
    if known is not None:
        return with_live([known])[0], True
    found = Instrument.objects.filter(symbol=symbol).first()
    if found is None:
        raise NotFound("unknown_symbol", "There is no such symbol.", {"symbol": symbol})
    names = ("symbol", "name", "exchange", "sector", "currency", "kind", "tick_size", "is_simulated")
    return Row(found.pk, *(getattr(found, name) for name in names)), found.is_active


def symbol_facts(row: Row, *, is_active: bool = True) -> SymbolFacts:
    """The history of an instrument as its page tells it: nothing of a day that is not to be seen yet."""
    hidden = hidden_from().get(row.id, date.max)
    splits, actions = _actions(row.id, hidden, row.currency)
    days = _year(row.id, hidden, splits)
    series = BarSeries.objects.filter(instrument_id=row.id).first()
    source = None
    if series is not None:
        last = min(series.last_date, hidden - timedelta(days=1))
        source = Source(series.source, series.licence, series.first_date, last, series.bars)
    return SymbolFacts(
        row=row,
        is_active=is_active,
        day=days[-1] if days else None,
        low_52=min((day.low for day in days), default=None),
        high_52=max((day.high for day in days), default=None),
        actions=actions,
        source=source,
        has_intraday=IntradayBar.objects.filter(instrument_id=row.id).exists(),
    )


def _year(instrument_id: int, hidden: date, splits: list[tuple[date, Decimal]]) -> list[Day]:
    """The bars of the year before the last one that may be seen, in today's shares."""
    rows = DailyBar.objects.filter(instrument_id=instrument_id, date__lt=hidden)
    newest = rows.order_by("-date").values_list("date", flat=True).first()
    if newest is None:
        return []
    found = rows.filter(date__gt=newest - YEAR).order_by("date")
    fields = ("date", "open", "high", "low", "close", "volume")
    days = []
    for day, *prices, volume in found.values_list(*fields):
        factor = Decimal(1)
        for ex_date, ratio in splits:
            factor *= ratio if day < ex_date else 1
        days.append(
            Day(day, *((value / factor).quantize(Decimal("0.000001")) for value in prices), int(volume * factor))
        )
    return days


def _actions(instrument_id: int, hidden: date, currency: str) -> tuple[list[tuple[date, Decimal]], list[ActionLine]]:
    """The splits that may be seen, and the newest actions in words."""
    rows = list(
        CorporateAction.objects.filter(instrument_id=instrument_id, ex_date__lt=hidden).order_by("-ex_date", "kind")
    )
    splits = [(row.ex_date, row.value) for row in rows if row.kind == CorporateAction.Kind.SPLIT and row.value]
    return splits, [_line(row, currency) for row in rows[:MAX_ACTIONS]]


def _line(row: CorporateAction, currency: str) -> ActionLine:
    value = format(row.value.normalize(), "f")
    if row.kind == CorporateAction.Kind.SPLIT:
        return ActionLine(row.ex_date, "Split", f"{value} new shares for each old one")
    if row.kind == CorporateAction.Kind.DIVIDEND:
        return ActionLine(row.ex_date, "Dividend", f"{value} {currency} a share")
    if row.kind == CorporateAction.Kind.SYMBOL_CHANGE:
        return ActionLine(row.ex_date, "New symbol", row.new_symbol)
    return ActionLine(row.ex_date, "Delisting", f"{value} {currency} a share" if row.value else "Last close paid out")


def panels(request: PanelRequest) -> list[SafeString]:
    """What higher floors show on the page, rendered. One that fails is left out, and logged."""
    found: list[SafeString] = []
    for name, make in symbol_panels():
        try:
            panel = make(request)
            if panel is not None:
                found.append(render_to_string(panel.template, dict(panel.context)))
        except Exception:
            logger.exception("the panel %s failed for %s", name, request.symbol)
    return found
