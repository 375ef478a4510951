"""Corporate actions as marks on a chart: the first source of marks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from marketdata.domain.candles_query import DAY
from marketdata.domain.marks import MAX_MARKS, Mark, MarksRequest
from marketdata.domain.types import plain
from marketdata.models import CorporateAction, Instrument
from marketdata.selectors.horizon import horizon

_Kind = CorporateAction.Kind
_LETTERS = {_Kind.SPLIT: "S", _Kind.DIVIDEND: "D", _Kind.SYMBOL_CHANGE: "N", _Kind.DELISTING: "X"}
_COLOURS = {_Kind.SPLIT: "blue", _Kind.DIVIDEND: "green", _Kind.SYMBOL_CHANGE: "yellow", _Kind.DELISTING: "red"}
_FIRST, _LAST = date(1970, 1, 1), date(9998, 12, 31)


def action_marks(request: MarksRequest) -> list[Mark]:
    """The corporate actions of the range that may be seen, at 00:00 UTC of their ex-dates."""
    rows = CorporateAction.objects.filter(
        instrument_id=request.instrument_id, ex_date__range=(_day(request.start), _day(request.end))
    )
    limit = horizon(request.instrument_id)
    if limit is not None:
        rows = rows.filter(ex_date__lt=limit)
    currency = Instrument.objects.filter(pk=request.instrument_id).values_list("currency", flat=True).first() or ""
    return [_mark(row, currency) for row in rows.order_by("-ex_date", "kind")[:MAX_MARKS]]


def _mark(row: CorporateAction, currency: str) -> Mark:
    at = int(datetime(row.ex_date.year, row.ex_date.month, row.ex_date.day, tzinfo=UTC).timestamp())
    value = plain(row.value.normalize())
    kind = _Kind(row.kind)
    lines = {
        _Kind.SPLIT: ("Split", f"{value} new shares for each old one"),
        _Kind.DIVIDEND: ("Dividend", f"{value} {currency} a share"),
        _Kind.SYMBOL_CHANGE: ("New symbol", row.new_symbol),
        _Kind.DELISTING: ("Delisted", f"{value} {currency} a share" if row.value else "The last close is paid out"),
    }[kind]
    return Mark(f"{row.pk}", at, _LETTERS[kind], lines, _COLOURS[kind])


def _day(second: int) -> date:
    last = (_LAST - _FIRST).days
    return _FIRST + timedelta(days=min(max(second // DAY, 0), last))
