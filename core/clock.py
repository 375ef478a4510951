"""Wall clocks. Market time comes from the market (`marketdata.selectors.market_clock`), never from here."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Something that tells an aware UTC time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """The current wall time in UTC."""
        return datetime.now(tz=UTC)


class FixedClock:
    """A clock that stands where it is put: for tests and replays."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """The time the clock was set to."""
        return self.at
