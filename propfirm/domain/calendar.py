"""A calendar of scheduled news as files bring it: rows of CSV or JSON, each read or refused with its line. Pure."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import Invalid

MAX_BYTES = 8 * 1024 * 1024
MAX_ROWS = 100_000
MAX_SYMBOLS = 50
YEARS = range(1970, 2100)
# What sources call their levels.
_IMPACTS = {
    "low": "low", "1": "low", "yellow": "low", "holiday": "low", "non-economic": "low",
    "medium": "medium", "2": "medium", "moderate": "medium", "orange": "medium",
    "high": "high", "3": "high", "red": "high",
}  # fmt: skip
_NAMES = {
    "title": ("title", "event", "name"),
    "impact": ("impact", "importance", "volatility"),
    "country": ("country", "currency", "region"),
    "symbols": ("symbols", "symbol", "tickers"),
    "at": ("at", "datetime", "timestamp", "start"),
    "date": ("date", "day"),
    "time": ("time",),
    "id": ("id", "external_id", "uid"),
}
_FORMATS = ("%Y-%m-%d", "%m-%d-%Y", "%m/%d/%Y", "%d.%m.%Y")
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M%p", "%I%p", "%I:%M %p")


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event that was read. `at` is in UTC."""

    at: datetime
    title: str
    impact: str
    country: str
    symbols: tuple[str, ...]
    external_id: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not read: its line (of JSON: its number from 1), and why."""

    line: int
    message: str


def calendar_read(data: bytes, *, zone: str = "UTC") -> tuple[list[EventRow], list[BadRow]]:
    """The events of a file, and the rows that are not events. Times without a zone are in `zone`.

    CSV with a head line, in any case and order: `at`, or `date` and `time` (the layout of weekly calendars: title,
    country, date, time, impact); JSON as a list of objects with the same names. Raises Invalid `calendar_invalid`.
    """
    if len(data) > MAX_BYTES:
        raise Invalid("calendar_invalid", f"A calendar has at most {MAX_BYTES // 1024**2} MB.")
    try:
        text = data.decode("utf-8-sig")
        local = ZoneInfo(zone)
    except UnicodeDecodeError as error:
        raise Invalid("calendar_invalid", "The file is not text in UTF-8.") from error
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("calendar_invalid", f"There is no time zone {zone[:40]}.", {"field": "zone"}) from error
    events: list[EventRow] = []
    bad: list[BadRow] = []
    for number, (line, raw) in enumerate(_rows(text), start=1):
        if number > MAX_ROWS:
            raise Invalid("calendar_invalid", f"A calendar has at most {MAX_ROWS:,} rows.")
        try:
            row = _event(raw, local)
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
        else:
            events.append(row)
    if not events and not bad:
        raise Invalid("calendar_invalid", "The file has no rows.")
    return _named(events, local), bad


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if text.lstrip()[:1] in "[{":
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Invalid("calendar_invalid", f"The file is no JSON: {error}") from error
        if not isinstance(found, list):
            raise Invalid("calendar_invalid", "JSON is a list of events.")
        for number, item in enumerate(found, start=1):
            yield number, ({str(key).lower(): value for key, value in item.items()} if isinstance(item, dict) else {})
        return
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            yield reader.line_num, {str(key).strip().lower(): value for key, value in row.items() if key}
    except csv.Error as error:
        raise Invalid("calendar_invalid", f"Line {reader.line_num} is no CSV: {error}") from error


def _value(raw: Mapping[str, Any], field: str) -> Any:
    return next((raw[name] for name in _NAMES[field] if raw.get(name) not in (None, "")), "")


def _event(raw: Mapping[str, Any], zone: ZoneInfo) -> EventRow:
    """One event. Raises ValueError with what is wrong."""
    title = _text(raw, "title", 160)
    if not title:
        raise ValueError("it has no title")
    word = str(_value(raw, "impact")).strip().lower()
    impact = _IMPACTS.get(word)
    if impact is None:
        raise ValueError(f"its impact is {word[:20] or 'missing'}: give low, medium or high")
    at = _moment(raw, zone)
    country = _text(raw, "country", 8).upper()[:8]
    return EventRow(at, title, impact, country, _symbols(_value(raw, "symbols")), _text(raw, "id", 80))


def _named(events: Sequence[EventRow], zone: ZoneInfo) -> list[EventRow]:
    """The events by id: of the same id the last one.

    Without an id of the source's, the day and the words are: an event whose time moves within the day is the same one.
    Where a day has several of the same words, the first is the first, and so on.
    """
    found: dict[str, EventRow] = {}
    seen: dict[tuple[object, str, str], list[datetime]] = {}
    for event in sorted(events, key=lambda row: row.at):
        if event.external_id:
            continue
        day = (event.at.astimezone(zone).date(), event.country, event.title.lower())
        times = seen.setdefault(day, [])
        if event.at not in times:
            times.append(event.at)
        words = "|".join(str(part) for part in day) + (f"|{len(times)}" if len(times) > 1 else "")
        made = hashlib.sha256(words.encode()).hexdigest()[:40]
        found[made] = replace(event, external_id=made)
    return list(found.values()) + list({event.external_id: event for event in events if event.external_id}.values())


def _text(raw: Mapping[str, Any], field: str, most: int) -> str:
    """A text of a row on one line. Raises ValueError for characters that no text has."""
    found = " ".join(str(_value(raw, field)).split())[:most]
    if not found.isprintable():
        raise ValueError(f"its {field} has characters that are not text")
    return found


def _symbols(raw: Any) -> tuple[str, ...]:
    parts = raw if isinstance(raw, list) else re.split(r"[\s,;|]+", str(raw))
    found = tuple(dict.fromkeys(str(part).strip().upper() for part in parts if str(part).strip()))
    if len(found) > MAX_SYMBOLS or any(len(symbol) > 20 or not symbol.isprintable() for symbol in found):
        raise ValueError(f"at most {MAX_SYMBOLS} symbols, of 20 characters each")
    return found


def _moment(raw: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    whole = str(_value(raw, "at")).strip()
    day, clock = str(_value(raw, "date")).strip(), str(_value(raw, "time")).strip().lower()
    if whole or ("T" in day and not clock):
        try:
            found = datetime.fromisoformat(whole or day)
        except ValueError as error:
            raise ValueError(f"its time is {(whole or day)[:40]}: give it as 2026-11-28T13:30Z") from error
    else:
        found = _day_and_time(day, clock)
    if found.year not in YEARS:
        raise ValueError(f"its year is {found.year}")
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    return found.astimezone(UTC)


def _day_and_time(day: str, clock: str) -> datetime:
    date = next((found for form in _FORMATS if (found := _parsed(day, form)) is not None), None)
    if date is None:
        raise ValueError(f"its date is {day[:20] or 'missing'}: give it as 2026-11-28")
    if clock in ("", "all day", "tentative", "day 1", "day 2"):
        raise ValueError("it has no time of the day")
    time = next((found for form in _TIMES if (found := _parsed(clock, form)) is not None), None)
    if time is None:
        raise ValueError(f"its time is {clock[:20]}: give it as 13:30")
    return datetime.combine(date.date(), time.time())


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is put on by the caller
    except ValueError:
        return None
