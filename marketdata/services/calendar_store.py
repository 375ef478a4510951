"""Writing the sessions and holidays of a span of days, beside what operators have set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now

from core.errors import Conflict
from core.services import audit, outbox
from marketdata.domain.calendar_file import DaySession
from marketdata.models import CalendarRange, Exchange, ExchangeHoliday, ExchangeSession
from marketdata.services.exchanges import calendar_changed

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class CalendarLoad:
    """What a load did.

    `kept` are the days that stayed as an operator has them; `differences` are where the library and the exchange's
    official list do not agree (the list holds).
    """

    exchange: str
    first: date
    last: date
    sessions: int
    holidays: int
    written: int
    removed: int
    kept: tuple[date, ...]
    differences: tuple[str, ...] = ()
    seconds: float = 0.0


def calendar_store(
    *,
    actor: object | None,
    exchange: str,
    days: tuple[date, date],
    sessions: Iterable[DaySession],
    holidays: Mapping[date, str],
    source: str,
    ours: tuple[str, ...],
) -> CalendarLoad:
    """Make these the sessions and holidays of a span of days, which the exchange's calendar is known for from now on.

    Rows whose source begins with one of `ours` are replaced; a day with any other row stays as it is. Raises Conflict
    `calendar_gap` when days between the span and those that are known would be known by nobody.
    """
    first, last = days
    with transaction.atomic():
        Exchange.objects.select_for_update().get(pk=exchange)
        _range_store(exchange, first, last, source)
        found: list[list[Any]] = [
            list(model._default_manager.filter(exchange_id=exchange, date__range=days))
            for model in (ExchangeSession, ExchangeHoliday)
        ]
        theirs = {row.date for rows in found for row in rows if not row.source.startswith(ours)}
        wanted_sessions = [_session_row(exchange, item, source) for item in sessions if item.date not in theirs]
        wanted_holidays = [
            ExchangeHoliday(exchange_id=exchange, date=day, name=name, source=source)
            for day, name in holidays.items()
            if day not in theirs
        ]
        removed, written = _replaced(ExchangeSession, found[0], wanted_sessions, theirs)
        more_removed, more_written = _replaced(ExchangeHoliday, found[1], wanted_holidays, theirs)
        done = CalendarLoad(
            exchange=exchange,
            first=first,
            last=last,
            sessions=len(wanted_sessions),
            holidays=len(wanted_holidays),
            written=written + more_written,
            removed=removed + more_removed,
            kept=tuple(sorted(theirs)),
        )
        if done.written or done.removed:
            _tell(actor, done, source)
    calendar_changed()
    return done


def _session_row(exchange: str, item: DaySession, source: str) -> ExchangeSession:
    return ExchangeSession(
        exchange_id=exchange,
        date=item.date,
        kind=item.kind,
        opens_at=item.opens_at,
        closes_at=item.closes_at,
        note=item.note,
        source=source,
    )


def _range_store(exchange: str, first: date, last: date, source: str) -> None:
    """Let the known days grow by a span that touches them."""
    known = CalendarRange.objects.filter(exchange_id=exchange).first()
    if known is None:
        CalendarRange.objects.create(exchange_id=exchange, first=first, last=last, source=source)
        return
    day = timedelta(days=1)
    if first > known.last + day or last < known.first - day:
        message = f"{exchange} is known from {known.first} to {known.last}: load days that are next to these."
        raise Conflict("calendar_gap", message, {"first": known.first.isoformat(), "last": known.last.isoformat()})
    grown = {"first": min(first, known.first), "last": max(last, known.last)}
    if grown != {"first": known.first, "last": known.last}:
        CalendarRange.objects.filter(pk=known.pk).update(**grown, source=source, loaded_at=Now())


def _replaced(model: type[models.Model], stored: list[Any], wanted: list[Any], theirs: set[date]) -> tuple[int, int]:
    """Replace our rows of a table by the wanted ones where they differ; how many were removed and written."""
    have = {_values(row): row.pk for row in stored if row.date not in theirs}
    want = {_values(row): row for row in wanted}
    gone = [pk for values, pk in have.items() if values not in want]
    new = [row for values, row in want.items() if values not in have]
    model._default_manager.filter(pk__in=gone).delete()
    model._default_manager.bulk_create(new, batch_size=BATCH)
    return len(gone), len(new)


def _values(row: models.Model) -> tuple[Any, ...]:
    return tuple(getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key)


def _tell(actor: object | None, done: CalendarLoad, source: str) -> None:
    after = {
        "first": done.first.isoformat(),
        "last": done.last.isoformat(),
        "sessions": done.sessions,
        "holidays": done.holidays,
        "written": done.written,
        "removed": done.removed,
        "kept": [day.isoformat() for day in done.kept[:50]],
        "source": source,
    }
    audit.record(actor=actor, action="calendar.load", subject_type="exchange", subject_id=done.exchange, after=after)
    outbox.emit(
        topic="marketdata.calendar_changed",
        aggregate=f"exchange:{done.exchange}",
        payload={"exchange": done.exchange, "first": after["first"], "last": after["last"]},
    )
