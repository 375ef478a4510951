"""Switches of the platform, as every process sees them: at most a second old, one query for all of them."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from core.models import SystemFlag

MAINTENANCE, TRADING_HALT, SIGNUPS_CLOSED = "maintenance", "trading_halt", "signups_closed"

WORDS = {
    MAINTENANCE: "Maintenance: you can look at everything, and change nothing.",
    TRADING_HALT: "Trading is halted: no new orders are taken, resting orders wait.",
    SIGNUPS_CLOSED: "Sign-ups are closed for now.",
}


@dataclass(frozen=True, slots=True)
class FlagView:
    """A switch that is on: what it says, and until when (UTC), if that is known."""

    key: str
    message: str
    until: datetime | None

    def details(self) -> dict[str, str]:
        """What a refusal says about it."""
        return {"until": self.until.isoformat()} if self.until is not None else {}


_held: tuple[float, tuple[FlagView, ...]] | None = None


def flags_on() -> tuple[FlagView, ...]:
    """The switches that are on, in the order of their keys. One whose `until` has passed is off."""
    global _held
    held = _held
    if held is None or time.monotonic() - held[0] > settings.FLAGS_KEPT_SECONDS:
        rows = SystemFlag.objects.filter(is_on=True).order_by("key")
        flags = tuple(FlagView(row.key, row.message or WORDS.get(row.key, ""), row.until) for row in rows)
        held = _held = (time.monotonic(), flags)
    now = datetime.now(tz=UTC)
    return tuple(flag for flag in held[1] if flag.until is None or flag.until > now)


def flag_on(key: str) -> FlagView | None:
    """A switch when it is on, else None."""
    return next((flag for flag in flags_on() if flag.key == key), None)


def flag_is_on(key: str) -> bool:
    """Whether a switch is on."""
    return flag_on(key) is not None


def flags_forget() -> None:
    """Ask the database again at the next question."""
    global _held
    _held = None


def flags_assume_off() -> None:
    """Take every switch for off until asked to forget that; for tests that count statements."""
    global _held
    _held = (time.monotonic(), ())
