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
from marketdata.domain.types import plain
from marketdata.models import BarSeries, CorporateAction, DailyBar, Instrument
from marketdata.pages.board import Row, bare_row, base_rows, with_live
from marketdata.pages.metrics import SymbolFigures, symbol_figures
from marketdata.selectors.candles import has_intraday
from marketdata.selectors.horizon import horizons

logger = logging.getLogger(__name__)

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
    figures: SymbolFigures
    actions: list[ActionLine]
    source: Source | None
    has_intraday: bool

    @property
    def resolution(self) -> str:
        """What the chart opens with: days, or minutes where no day is stored."""
        return "1D" if self.day is not None or not self.has_intraday else "5"

    @property
    def position_52(self) -> int | None:
        """Where the price stands in the year's range, 0 to 100."""
        low, high = self.figures.low_52w, self.figures.high_52w
        if self.row.last is None or low is None or high is None or high <= low:
            return None
        share = (self.row.last - low) / (high - low)
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
    return bare_row(found), found.is_active


def symbol_facts(row: Row, *, is_active: bool = True) -> SymbolFacts:
    """The history of an instrument as its page tells it: nothing of a day that is not to be seen yet."""
    hidden = horizons().get(row.id, date.max)
    series = BarSeries.objects.filter(instrument_id=row.id).first()
    source = None
    if series is not None:
        last = min(series.last_date, hidden - timedelta(days=1))
        source = Source(series.source, series.licence, series.first_date, last, series.bars)
    return SymbolFacts(
        row=row,
        is_active=is_active,
        day=_last_day(row.id, hidden),
        figures=symbol_figures(row.id, row.decimals),
        actions=_actions(row.id, hidden, row.currency),
        source=source,
        has_intraday=has_intraday(row.id),
    )


def _last_day(instrument_id: int, hidden: date) -> Day | None:
    """The newest day that may be seen, as traded."""
    rows = DailyBar.objects.filter(instrument_id=instrument_id, date__lt=hidden).order_by("-date")
    found = rows.values_list("date", "open", "high", "low", "close", "volume").first()
    return None if found is None else Day(*found)


def _actions(instrument_id: int, hidden: date, currency: str) -> list[ActionLine]:
    """The newest actions that may be seen, in words."""
    seen = CorporateAction.objects.filter(instrument_id=instrument_id, ex_date__lt=hidden)
    return [_line(row, currency) for row in seen.order_by("-ex_date", "kind")[:MAX_ACTIONS]]


def _line(row: CorporateAction, currency: str) -> ActionLine:
    value = plain(row.value.normalize())
    if row.kind == CorporateAction.Kind.DIVIDEND:
        cash = max(2, -int(row.value.normalize().as_tuple().exponent))
        return ActionLine(row.ex_date, "Dividend", f"{row.value:.{cash}f} {currency} a share")
    if row.kind == CorporateAction.Kind.SPLIT:
        return ActionLine(row.ex_date, "Split", f"{value} new shares for each old one")
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
