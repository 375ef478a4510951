"""Importing the calendar of scheduled news, and telling it to the rules."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Case, Max, When
from django.utils import timezone

from core.errors import Invalid
from core.services import audit, outbox
from marketdata import selectors as market_selectors
from propfirm.domain.calendar import BadRow, EventRow, calendar_read
from propfirm.models import EconomicEvent
from trading.domain.rules import NewsEvent
from trading.domain.types import SYSTEM, Actor

BATCH = 2_000
AROUND = timedelta(hours=24)  # rules look no further, see `minutes_before` of news_blackout
MOST_AROUND = 500  # of the most weight
LOOK_AGAIN = 30.0  # seconds after which another process's import is looked for
_KEPT = 512
_hours: dict[tuple[datetime, datetime | None], tuple[NewsEvent, ...]] = {}
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
        audit.record(actor=actor, action="calendar.import", subject_type="calendar", subject_id=source, after=after)
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
    found = _hours.get(key)
    if found is None:
        found = _hours[key] = _read(hour - AROUND, hour + timedelta(hours=1) + AROUND)
        if len(_hours) > _KEPT:
            _hours.pop(next(iter(_hours)), None)
    return found


def _read(since: datetime, until: datetime) -> tuple[NewsEvent, ...]:
    """The news of a span by time; of more than fit, those that matter most."""
    weight = Case(When(impact="high", then=0), When(impact="medium", then=1), default=2)
    rows = EconomicEvent.objects.filter(at__gte=since, at__lte=until).order_by(weight, "at", "pk")
    found = sorted(rows.values_list("at", "pk", "title", "impact", "symbols")[:MOST_AROUND])
    return tuple(NewsEvent(at, title, impact, tuple(symbols)) for at, _, title, impact, symbols in found)


def _is_masked(market_id: int) -> bool:
    """Whether a market hides its days, which its definition says once for all."""
    found = _masked.get(market_id)
    if found is None:
        if len(_masked) >= _KEPT:
            _masked.clear()
        found = _masked[market_id] = market_selectors.market_view(market_id).is_masked
    return found


def _version() -> datetime | None:
    """When the calendar was imported last, looked at now and then."""
    global _seen
    now = time.monotonic()
    if now - _seen[0] >= LOOK_AGAIN:
        _seen = (now, EconomicEvent.objects.aggregate(last=Max("imported_at"))["last"])
    return _seen[1]
