"""Exchange rates as stored, kept by the process for a minute."""

import time
from datetime import date
from decimal import Decimal
from threading import Lock

from django.db.models import Q

from marketdata.domain.fx import RateTable, rate_on
from marketdata.models import FxRate

KEPT_SECONDS = 60.0
_tables: dict[tuple[str, str], tuple[float, RateTable]] = {}
_lock = Lock()


def fx_forget() -> None:
    """Forget the rates that this process keeps (after an import, tests)."""
    with _lock:
        _tables.clear()


def fx_rate(base: str, quote: str, on: date) -> Decimal | None:
    """What one unit of `base` costs in `quote`: the latest stored rate of `on` or before, the inverse pair's too.

    1 for equal currencies; None when there is no rate yet.
    """
    if base == quote:
        return Decimal(1)
    return rate_on(_table(base, quote), _table(quote, base), on)


def fx_dates(base: str, quote: str) -> list[date]:
    """The days with a rate of the pair, in either direction, in order. Read from the database."""
    pair = Q(base=base, quote=quote) | Q(base=quote, quote=base)
    return sorted(set(FxRate.objects.filter(pair).values_list("date", flat=True)))


def _table(base: str, quote: str) -> RateTable:
    now = time.monotonic()
    with _lock:
        kept = _tables.get((base, quote))
    if kept is not None and now - kept[0] < KEPT_SECONDS:
        return kept[1]
    rows = FxRate.objects.filter(base=base, quote=quote).order_by("date").values_list("date", "rate")
    pairs = list(rows)
    table = RateTable(tuple(day for day, _ in pairs), tuple(rate for _, rate in pairs))
    with _lock:
        _tables[base, quote] = (now, table)
    return table
