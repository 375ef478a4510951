"""What may be said in a contest's chat, for how long, and what it is made to be. Pure."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

from core.errors import Invalid

MAX_LENGTH = 500
MAX_REASON = 200
# For how long after the end of a contest people may still write.
OPEN_AFTER_END = timedelta(days=7)
MOST_MUTE = timedelta(days=366)
REMOVED_BODY = "(removed)"
# Hours that the moderators' form offers; 0 is for good.
MUTE_HOURS = (1, 24, 168, 720, 0)
# Controls, halves of characters, private ones. Of the invisible ones only those that turn text around.
_REFUSED = ("Cc", "Cs", "Co")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = str.maketrans(dict.fromkeys("\r\n\t\u2028\u2029", " "))
_MARKS_IN_A_ROW = 4


def body_read(text: str) -> str:
    """A message as it is stored: line breaks become spaces. Raises Invalid `invalid_comment`."""
    body = text.replace("\r\n", "\n").translate(_BREAKS).strip()
    if not _is_seen(body):
        raise _bad("body", "Write something first.")
    if len(body) > MAX_LENGTH:
        raise _bad("body", f"A message has at most {MAX_LENGTH} characters; this one has {len(body):,}.")
    _check(body, "body")
    return body


def reason_read(text: str, *, required: bool = True) -> str:
    """Why something is reported, hidden or muted. Raises Invalid `invalid_comment`."""
    reason = " ".join(text.split())
    if required and not reason:
        raise _bad("reason", "Say why.")
    if len(reason) > MAX_REASON:
        raise _bad("reason", f"A reason has at most {MAX_REASON} characters.")
    _check(reason, "reason")
    return reason


def until_read(until: datetime | None, now: datetime) -> datetime | None:
    """Until when somebody is muted; None is for good. Raises Invalid `invalid_comment`."""
    if until is not None and not now < until <= now + MOST_MUTE:
        raise _bad("until", f"A mute ends later than now and within {MOST_MUTE.days} days, or never.")
    return until


def writing_ends(ended_at: datetime | None) -> datetime | None:
    """When the chat of a contest closes; None while it has not ended."""
    return None if ended_at is None else ended_at + OPEN_AFTER_END


def _is_seen(text: str) -> bool:
    """Whether there is anything to see in it."""
    return any(unicodedata.category(char)[0] not in "ZC" for char in text)


def _check(text: str, field: str) -> None:
    marks = 0
    for char in text:
        kind = unicodedata.category(char)
        if kind in _REFUSED or char in _TURNING:
            raise _bad(field, "It has characters in it that cannot be shown.")
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if marks > _MARKS_IN_A_ROW:
            raise _bad(field, "It has too many marks on one letter.")


def _bad(field: str, message: str) -> Invalid:
    return Invalid("invalid_comment", message, {"field": field})
