"""Importing the calendar of scheduled news, and telling it to the rules."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from core.errors import Invalid
from core.services import audit, outbox
from marketdata import selectors as market_selectors
from propfirm.domain.calendar import BadRow, EventRow, calendar_read
from propfirm.models import EconomicEvent
from trading.domain.rules import NewsEvent
from trading.domain.types import SYSTEM, Actor

BATCH = 2_000
AROUND = timedelta(hours=24)
MOST_AROUND = 500
LOOK_AGAIN = 30.0  # seconds after which another process's import is looked for
_KEPT = 512
_hours: OrderedDict[tuple[datetime, datetime | None], tuple[NewsEvent, ...]] = OrderedDict()
_masked: dict[int, bool] = {}
_seen: tuple[float, datetime | None] = (-LOOK_AGAIN, None)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has done."""

    events: int
    new: int
    bad: tuple[BadRow, ...]


def calendar_import(
    *, data: bytes, source: str, zone: str = "UTC", skip_bad: bool = False, actor: Actor = SYSTEM
) -> Imported:
    """Store the events of a file; one that is there is brought up to date. All rows, or with `skip_bad` the good ones.

    Raises Invalid `calendar_invalid`, and with bad rows {"problems": [{"line", "message"}]}.
    """
    source = source.strip()[:40]
    if not source:
        raise Invalid("calendar_invalid", "Say where the calendar is from.", {"field": "source"})
    events, bad = calendar_read(data, zone=zone)
    if bad and not skip_bad:
        problems = [{"line": row.line, "message": row.message} for row in bad[:50]]
        words = f"{len(bad)} rows are no events, the first on line {bad[0].line}: {bad[0].message}. Nothing was stored."
        raise Invalid("calendar_invalid", words, {"problems": problems})
    with transaction.atomic():
        before = EconomicEvent.objects.filter(source=source).count()
        now = timezone.now()
        EconomicEvent.objects.bulk_create(
            [_row(event, source, now) for event in events],
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=["source", "external_id"],
            update_fields=["at", "title", "impact", "country", "symbols", "imported_at"],
        )
        new = EconomicEvent.objects.filter(source=source).count() - before
        after = {"source": source, "events": len(events), "new": new, "bad": len(bad)}
        audit.record(
            actor=actor, action="calendar.import", subject_type="calendar", subject_id=source, after=after
        )
        outbox.emit(topic="propfirm.calendar_imported", aggregate=f"calendar:{source}", payload=after)
    calendar_forget()
    return Imported(len(events), new, tuple(bad))


def _row(event: EventRow, source: str, now: datetime) -> EconomicEvent:
    return EconomicEvent(
        at=event.at,
        title=event.title,
        impact=event.impact,
        country=event.country,
        symbols=list(event.symbols),
        source=source,
        external_id=event.external_id,
        imported_at=now,
    )


def calendar_forget() -> None:
    """Read the calendar again when it is asked for next."""
    global _seen
    _hours.clear()
    _masked.clear()
    _seen = (-LOOK_AGAIN, None)


def news_around(market_id: int, at: datetime) -> tuple[NewsEvent, ...]:
    """The scheduled news within a day of a market time; none where a market hides which days it plays."""
    if _is_masked(market_id):
        return ()
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    key = (hour, _version())
    if key not in _hours:
        rows = EconomicEvent.objects.filter(at__gte=hour - AROUND, at__lte=hour + AROUND).order_by("at", "pk")
        found = rows.values_list("at", "title", "impact", "symbols")[:MOST_AROUND]
        _hours[key] = tuple(NewsEvent(at, title, impact, tuple(symbols)) for at, title, impact, symbols in found)
        while len(_hours) > _KEPT:
            _hours.popitem(last=False)
    return _hours[key]


def _is_masked(market_id: int) -> bool:
    """Whether a market hides its days, which its definition says once for all."""
    if market_id not in _masked:
        if len(_masked) >= _KEPT:
            _masked.clear()
        _masked[market_id] = market_selectors.market_view(market_id).is_masked
    return _masked[market_id]


def _version() -> datetime | None:
    """When the calendar was imported last, looked at now and then."""
    global _seen
    now = time.monotonic()
    if now - _seen[0] >= LOOK_AGAIN:
        _seen = (now, EconomicEvent.objects.aggregate(last=Max("imported_at"))["last"])
    return _seen[1]
