"""Which ways a notification goes out to somebody, and when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time

from accounts.domain.catalogue import EMAIL, IN_APP, PUSH, EventKind
from accounts.domain.quiet import digest_at, quiet_until, zone_of

WEEKLY, OFF = "weekly", "off"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is told, with what they have chosen for all kinds together."""

    user_id: int
    is_person: bool = True
    is_suspended: bool = False
    has_push: bool = False
    time_zone: str = "UTC"
    quiet_from: time | None = None
    quiet_until: time | None = None
    digest: str = OFF


@dataclass(frozen=True, slots=True)
class Way:
    """One way out. `not_before` is None for at once; `is_digest`: together with others."""

    channel: str
    not_before: datetime | None = None
    is_digest: bool = False


def ways(kind: EventKind, who: Recipient, choices: Mapping[str, bool], now: datetime) -> tuple[bool, list[Way]]:
    """Whether the bell shows it, and the ways it goes out besides.

    Agents read what they are told by the API. The suspended cannot look at anything: only what is mandatory goes out.
    """
    in_app = kind.goes_by(IN_APP, choices.get(IN_APP))
    out = []
    if who.is_person and (kind.is_mandatory or not who.is_suspended):
        if kind.goes_by(EMAIL, choices.get(EMAIL)):
            out.append(_way(EMAIL, kind, who, now))
        if who.has_push and kind.goes_by(PUSH, choices.get(PUSH)):
            out.append(_way(PUSH, kind, who, now))
    return in_app, out


def _way(channel: str, kind: EventKind, who: Recipient, now: datetime) -> Way:
    if kind.is_urgent:
        return Way(channel)
    if channel == EMAIL and who.digest != OFF and not kind.is_mandatory:
        due = digest_at(now, zone_of(who.time_zone), weekly=who.digest == WEEKLY)
        return Way(channel, held(kind, who, due) or due, is_digest=True)
    return Way(channel, held(kind, who, now))


def held(kind: EventKind, who: Recipient, at: datetime) -> datetime | None:
    """Until when quiet hours hold something back that is due at `at`; None when they do not."""
    if kind.is_urgent or who.quiet_from is None:
        return None
    return quiet_until(at, zone_of(who.time_zone), who.quiet_from, who.quiet_until)
