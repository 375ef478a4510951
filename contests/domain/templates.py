"""Templates of contests: a spec but its address and dates, as JSON, and when the next one is due. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contests.domain.definition import MAX_LENGTH, ContestSpec
from core.errors import Invalid
from core.money import Money

# What each contest has of its own.
OWN = ("slug", "starts_at", "ends_at", "invite_code", "run_number")
_REST = ("lasts_minutes", "anchor", "facts")
_FACTS = ("days", "volatility_bp")
# With a date and a number after it, it must still fit the address of a contest.
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MOST_SLUG = 44
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# A month, and the days that a cadence leaves out.
_LOOK_AHEAD = 63
NONE, HOURLY, DAILY, WEEKDAYS, WEEKLY, MONTHLY = "none", "hourly", "daily", "weekdays", "weekly", "monthly"
CADENCES = (NONE, HOURLY, DAILY, WEEKDAYS, WEEKLY, MONTHLY)
_FIELDS: dict[str, Field[Any]] = {item.name: item for item in fields(ContestSpec) if item.name not in OWN}
# Below how many hundredths of a percent a year each word holds.
_WORDS = ((2600, "Calm"), (3000, "Lively"), (4000, "Rough"))
WILDEST = "Wild"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the stretch that a template plays: market days, and how far prices move in a year (0: unknown).

    `volatility_bp` is the mean of the symbols' own, in hundredths of a percent.
    """

    days: int = 0
    volatility_bp: int = 0

    @property
    def difficulty(self) -> str:
        """How rough it is, in a word; empty where nobody has looked."""
        if not self.volatility_bp:
            return ""
        return next((word for below, word in _WORDS if self.volatility_bp < below), WILDEST)


def slug_require(slug: str) -> None:
    """Raise Invalid unless it can be a template's address."""
    if not _SLUG.fullmatch(slug) or len(slug) > MOST_SLUG:
        raise _bad("slug", f"Use lower-case letters, digits and single dashes, at most {MOST_SLUG}.")


def document_of(
    spec: ContestSpec, *, lasts: timedelta | None = None, facts: Facts | None = None, anchor: datetime | None = None
) -> dict[str, Any]:
    """A spec as a template's document. `lasts`: from start to end, where history does not end it by itself.

    `anchor`: local time of the first contest that it makes by itself, from which all others follow.
    """
    out = {name: _written(getattr(spec, name)) for name in _FIELDS}
    if lasts is not None:
        out["lasts_minutes"] = round(lasts.total_seconds() / 60)
    if anchor is not None:
        out["anchor"] = anchor.strftime("%Y-%m-%dT%H:%M")
    if facts is not None:
        out["facts"] = {name: getattr(facts, name) for name in _FACTS}
    return out


def spec_from(
    document: Mapping[str, Any], *, slug: str, starts_at: datetime | None = None, invite_code: str = ""
) -> ContestSpec:
    """The spec of one contest of a template. Raises Invalid `invalid_template` and what the parts of a spec raise."""
    unknown = sorted(set(document) - set(_FIELDS) - set(_REST))
    if unknown:
        raise _bad(unknown[0], "There is no such field of a template.")
    values = {name: _read(item, document[name]) for name, item in _FIELDS.items() if name in document}
    missing = [name for name, item in _FIELDS.items() if name not in values and _is_needed(item)]
    if missing:
        raise _bad(missing[0], "This field is needed.")
    lasts = lasts_of(document)
    ends_at = None if lasts is None or starts_at is None else starts_at + lasts
    return ContestSpec(slug=slug, starts_at=starts_at, ends_at=ends_at, invite_code=invite_code, **values)


def lasts_of(document: Mapping[str, Any]) -> timedelta | None:
    """How long a contest of a template lasts; None: until its history ends. Raises Invalid."""
    minutes = document.get("lasts_minutes")
    if minutes is None:
        return None
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= MAX_LENGTH // HOUR * 60:
        raise _bad("lasts_minutes", "A contest lasts a minute to 90 days.")
    return timedelta(minutes=minutes)


def facts_of(document: Mapping[str, Any]) -> Facts:
    """What is known of a template's stretch."""
    found = document.get("facts") or {}
    return Facts(**{name: int(found.get(name, 0)) for name in _FACTS})


def anchor_of(document: Mapping[str, Any]) -> datetime | None:
    """Local time of the first contest that a template makes by itself."""
    text = document.get("anchor")
    return None if text is None else datetime.strptime(str(text), "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - a wall clock's


def zone_of(name: str) -> ZoneInfo:
    """A time zone by name. Raises Invalid `invalid_template`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _bad("zone", "There is no such time zone. Use a name such as Europe/Berlin.") from error


def lead(cadence: str) -> timedelta:
    """How long before its start a contest is made, so that people can join: a period, a day at most."""
    return HOUR if cadence == HOURLY else DAY


def next_start(cadence: str, zone: str, anchor: datetime, after: datetime) -> datetime:
    """The first start after a moment, in UTC: at the anchor's local time, also across changes of the clock.

    A local time that a change leaves out comes as much later as the clock was moved; of two that are alike, the first.
    A month that is too short has it on its last day. Raises Invalid for a cadence of none.
    """
    where = zone_of(zone)
    local = after.astimezone(where)
    if cadence == HOURLY:
        start = after.replace(second=0, microsecond=0) + timedelta(minutes=(anchor.minute - local.minute) % 60)
        return (start if start > after else start + HOUR).astimezone(UTC)
    for offset in range(-1, _LOOK_AHEAD):
        day = local.date() + offset * DAY
        if _falls_on(cadence, anchor, day):
            start = datetime.combine(day, anchor.time(), tzinfo=where).astimezone(UTC)
            if start > after:
                return start
    raise _bad("cadence", f"cadence is one of {', '.join(CADENCES)}.")


def _falls_on(cadence: str, anchor: datetime, day: date) -> bool:
    if cadence == WEEKDAYS:
        return day.weekday() < 5
    if cadence == WEEKLY:
        return day.weekday() == anchor.weekday()
    if cadence == MONTHLY:
        return day.day == min(anchor.day, monthrange(day.year, day.month)[1])
    return cadence == DAILY


def _written(value: Any) -> Any:
    """A field of a spec as JSON."""
    if isinstance(value, Money):
        return {"currency": value.currency, "minor": value.minor}
    for name in ("to_json", "as_json"):
        if hasattr(value, name):
            return getattr(value, name)()
    if isinstance(value, Mapping):
        return {str(key): _written(item) for key, item in value.items()}
    return [_written(item) for item in value] if isinstance(value, list | tuple) else value


def _is_needed(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _read(item: Field[Any], value: Any) -> Any:
    """A field of a spec from JSON, as the kind that its default is."""
    if item.name == "initial_balance":
        return _money(value)
    if _is_needed(item):
        kind: type = {"market": dict, "agent_interval_minutes": int}.get(item.name, str)
    else:
        kind = type(item.default_factory() if item.default_factory is not MISSING else item.default)
    if hasattr(kind, "from_json"):
        if not isinstance(value, Mapping):
            raise _bad(item.name, "This is a JSON object.")
        return kind.from_json(value)
    wanted = list if kind is tuple else kind
    if not isinstance(value, wanted) or (kind is int and isinstance(value, bool)):
        raise _bad(item.name, "This field has the wrong kind of value.")
    return tuple(value) if isinstance(value, list) else value


def _money(value: Any) -> Money:
    minor = value.get("minor") if isinstance(value, Mapping) else None
    if isinstance(minor, bool) or not isinstance(minor, int):
        raise _bad("initial_balance", "The starting balance is {currency, minor}.")
    return Money(minor, str(value.get("currency") or ""))


def _bad(field: str, message: str) -> Invalid:
    return Invalid("invalid_template", message, {"field": field})
