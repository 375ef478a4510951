"""What operators do with exchanges: set and remove sessions, close days, halt trading. Audited, told to the outbox.

Loading what is known from the start is in marketdata.services.exchanges and marketdata.services.calendars.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction
from django.db.models import Q

from core.errors import Conflict, Invalid, NotFound
from core.services import audit, outbox
from marketdata.domain.calendar_file import kind_of
from marketdata.domain.session_calendar import Calendar, ExchangeView
from marketdata.domain.sessions import CalendarAlert, alert_of
from marketdata.models import (
    CalendarRange,
    Exchange,
    ExchangeHalt,
    ExchangeHoliday,
    ExchangeSession,
    FeedEvent,
    Instrument,
)
from marketdata.selectors.exchange_rows import phases_read
from marketdata.selectors.sessions import exchange_view
from marketdata.services.calendars import calendar_import, calendar_load
from marketdata.services.exchanges import calendar_changed, exchanges_seed, operator_source, rule_save

__all__ = [
    "calendar_alerts_check",
    "calendar_import",
    "calendar_load",
    "exchanges_seed",
    "halt_begin",
    "halt_end",
    "holiday_set",
    "operator_source",
    "rule_save",
    "session_remove",
    "session_set",
]

logger = structlog.get_logger(__name__)

LONGEST_SESSION = timedelta(hours=24)


def session_set(
    *,
    actor: object | None,
    exchange: str,
    day: date,
    opens_at: datetime,
    closes_at: datetime,
    reason: str,
    kind: str | None = None,
    note: str = "",
) -> int:
    """Give a trade date a session, in place of what it had (a session, a holiday); the row's id.

    Without a kind, the hours tell it. Raises Invalid (no reason, times that are not of the day) and Conflict
    `calendar_not_loaded` for a day of which nothing is known yet.
    """
    reason, owner = _reason(reason), _owner(exchange)
    zone = ZoneInfo(owner.zone)
    if opens_at.tzinfo is None or closes_at.tzinfo is None:
        raise Invalid("bad_request", "The times need a zone.", {"field": "opens_at"})
    if not timedelta(0) < closes_at - opens_at <= LONGEST_SESSION:
        raise Invalid("bad_hours", "A session closes after it opens, within a day.", {"field": "closes_at"})
    if opens_at.astimezone(zone).date() != day:
        raise Invalid("bad_hours", f"A session opens on its trade date, in {owner.zone}.", {"field": "opens_at"})
    regular = Calendar(owner, phases=phases_read(owner)).regular_hours(day)
    hours = (opens_at.astimezone(zone).time(), closes_at.astimezone(zone).time())
    kind = kind or kind_of(day, hours, regular)
    if kind not in ExchangeSession.Kind.values:
        raise Invalid("bad_request", "There is no such kind of session.", {"field": "kind"})
    with transaction.atomic():
        before = _day_cleared(owner, day)
        row = ExchangeSession.objects.create(
            exchange_id=owner.code,
            date=day,
            kind=kind,
            opens_at=opens_at,
            closes_at=closes_at,
            note=note.strip()[:200],
            source=operator_source(actor),
        )
        _day_told(actor, "session.set", owner, day, before, _said(row), reason)
    calendar_changed()
    return row.pk


def session_remove(*, actor: object | None, exchange: str, day: date, reason: str) -> int:
    """Close a day that has a session; the holiday's id. The reason is shown as the holiday's name.

    Raises Invalid without a reason, NotFound `no_session`.
    """
    owner = _owner(exchange)
    if not ExchangeSession.objects.filter(exchange_id=owner.code, date=day).exists():
        raise NotFound("no_session", f"{owner.code} has no session on {day}.", {"date": day.isoformat()})
    return holiday_set(actor=actor, exchange=exchange, day=day, name=_reason(reason)[:120], reason=reason)


def holiday_set(*, actor: object | None, exchange: str, day: date, name: str, reason: str) -> int:
    """Close a day, in place of what it had; the holiday's id. Raises as `session_set`."""
    reason, owner, name = _reason(reason), _owner(exchange), name.strip()[:120]
    if not name:
        raise Invalid("bad_request", "Name the holiday.", {"field": "name"})
    with transaction.atomic():
        before = _day_cleared(owner, day)
        row = ExchangeHoliday.objects.create(exchange_id=owner.code, date=day, name=name, source=operator_source(actor))
        _day_told(actor, "holiday.set", owner, day, before, {"holiday": name}, reason)
    calendar_changed()
    return row.pk


def halt_begin(
    *,
    actor: object | None,
    exchange: str,
    reason: str,
    kind: str = ExchangeHalt.Kind.OPERATOR,
    instrument_id: int | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    source: str = "",
) -> int:
    """Halt an exchange, or one instrument on it, from now (or `starts_at`) until `ends_at` or a word; the halt's id.

    Those that follow the exchange are halted too. Raises Invalid, NotFound and Conflict `already_halted` when a halt of
    the same is in force or planned.
    """
    reason, view = _reason(reason), exchange_view(exchange)
    starts_at = starts_at or datetime.now(tz=UTC)
    if kind not in ExchangeHalt.Kind.values:
        raise Invalid("bad_request", "There is no such kind of halt.", {"field": "kind"})
    if ends_at is not None and ends_at <= starts_at:
        raise Invalid("bad_hours", "A halt ends after it begins.", {"field": "ends_at"})
    if instrument_id is not None and not Instrument.objects.filter(pk=instrument_id).exists():
        raise NotFound("unknown_instrument", "There is no such instrument.", {"instrument": instrument_id})
    with transaction.atomic():
        Exchange.objects.select_for_update().get(pk=view.code)
        whose = Q(instrument__isnull=True) if instrument_id is None else Q(instrument_id=instrument_id)
        same = ExchangeHalt.objects.filter(whose, exchange_id=view.code)
        same = same.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at))
        if ends_at is not None:
            same = same.filter(starts_at__lt=ends_at)
        if same.exists():
            raise Conflict("already_halted", "There is a halt of the same for this time already.")
        row = ExchangeHalt.objects.create(
            exchange_id=view.code,
            instrument_id=instrument_id,
            kind=kind,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            source=source.strip()[:200] or operator_source(actor),
        )
        _halt_told(actor, "begin", row, None, reason)
    calendar_changed()
    return row.pk


def halt_end(*, actor: object | None, halt_id: int, reason: str, at: datetime | None = None) -> None:
    """Lift a halt now (or at a time); one that has not begun ends as it begins.

    Raises Invalid without a reason, NotFound, and Conflict `halt_over`.
    """
    reason, at = _reason(reason), at or datetime.now(tz=UTC)
    with transaction.atomic():
        row = ExchangeHalt.objects.select_for_update().filter(pk=halt_id).first()
        if row is None:
            raise NotFound("unknown_halt", "There is no such halt.", {"halt": halt_id})
        if row.ends_at is not None and row.ends_at <= at:
            raise Conflict("halt_over", "This halt is over.", {"halt": halt_id})
        before = _halt_said(row)
        row.ends_at = max(at, row.starts_at)
        row.save(update_fields=["ends_at"])
        _halt_told(actor, "end", row, before, reason)
    calendar_changed()


def calendar_alerts_check(*, now: datetime | None = None) -> list[CalendarAlert]:
    """Tell of calendars that end within 45 days or have ended: an event and a warning each, once a day."""
    now = now or datetime.now(tz=UTC)
    told = []
    with transaction.atomic():
        rows = Exchange.objects.select_for_update().filter(follows__isnull=True, is_always_open=False)
        lasts = dict(CalendarRange.objects.values_list("exchange_id", "last"))
        for row in rows.order_by("code"):
            today = now.astimezone(ZoneInfo(row.zone)).date()
            alert = alert_of(row.code, lasts.get(row.code), today)
            if alert is None or _alerted(row.code, today):
                continue
            details = {"calendar": row.code, "date": today.isoformat(), "last": alert.last and alert.last.isoformat()}
            FeedEvent.objects.create(kind=FeedEvent.Kind.ALERT, message=alert.message[:300], details=details, at=now)
            told.append(alert)
    for alert in told:
        logger.warning("calendar ends", exchange=alert.exchange, last=alert.last, message=alert.message)
    return told


def _alerted(exchange: str, today: date) -> bool:
    details = {"calendar": exchange, "date": today.isoformat()}
    return FeedEvent.objects.filter(kind=FeedEvent.Kind.ALERT, details__contains=details).exists()


def _reason(reason: str) -> str:
    reason = reason.strip()[:300]
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    return reason


def _owner(exchange: str) -> ExchangeView:
    """The exchange whose calendar is written."""
    owner = exchange_view(exchange_view(exchange).calendar)
    if owner.is_always_open:
        raise Invalid("always_open", f"{owner.code} is always open: it has no calendar.", {"exchange": owner.code})
    return owner


def _day_cleared(owner: ExchangeView, day: date) -> dict[str, Any]:
    """Take away what a day has, under the exchange's lock; what it was."""
    Exchange.objects.select_for_update().get(pk=owner.code)
    if not CalendarRange.objects.filter(exchange_id=owner.code, first__lte=day, last__gte=day).exists():
        message = f"The calendar of {owner.code} for {day.year} is not loaded: load it first."
        raise Conflict("calendar_not_loaded", message, {"exchange": owner.code, "date": day.isoformat()})
    session = ExchangeSession.objects.filter(exchange_id=owner.code, date=day).first()
    holiday = ExchangeHoliday.objects.filter(exchange_id=owner.code, date=day).first()
    before = {} if session is None else _said(session)
    if session is not None:
        session.delete()
    if holiday is not None:
        before["holiday"] = holiday.name
        holiday.delete()
    return before


def _said(row: ExchangeSession) -> dict[str, Any]:
    times = {"opens_at": row.opens_at.isoformat(), "closes_at": row.closes_at.isoformat()}
    return {"kind": row.kind, **times, "note": row.note}


def _day_told(
    actor: object | None,
    action: str,
    owner: ExchangeView,
    day: date,
    before: dict[str, Any],
    after: dict[str, Any],
    reason: str,
) -> None:
    subject = f"{owner.code} {day}"
    audit.record(
        actor=actor,
        action=action,
        subject_type="session",
        subject_id=subject,
        before=before or None,
        after=after,
        reason=reason,
    )
    payload = {"exchange": owner.code, "first": day.isoformat(), "last": day.isoformat()}
    outbox.emit(topic="marketdata.calendar_changed", aggregate=f"exchange:{owner.code}", payload=payload)


def _halt_said(row: ExchangeHalt) -> dict[str, Any]:
    ends = row.ends_at.isoformat() if row.ends_at else None
    said = {"exchange": row.exchange_id, "instrument": row.instrument_id, "kind": row.kind}
    return {**said, "starts_at": row.starts_at.isoformat(), "ends_at": ends, "reason": row.reason}


def _halt_told(actor: object | None, verb: str, row: ExchangeHalt, before: dict[str, Any] | None, reason: str) -> None:
    after = _halt_said(row)
    audit.record(
        actor=actor,
        action=f"exchange_halt.{verb}",
        subject_type="exchange_halt",
        subject_id=row.pk,
        before=before,
        after=after,
        reason=reason,
    )
    topic = "marketdata.exchange_halted" if verb == "begin" else "marketdata.exchange_resumed"
    outbox.emit(topic=topic, aggregate=f"exchange:{row.exchange_id}", payload={"halt_id": row.pk, **after})
