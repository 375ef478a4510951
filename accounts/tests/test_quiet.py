"""Quiet hours and digests in any zone, over every change of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from accounts.domain.quiet import digest_at, is_quiet, quiet_until, zone_of

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [
    "UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu",
    "America/St_Johns", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Chatham", "Asia/Tehran",
]  # fmt: skip
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda number: time(number // 60, number % 60))
MOMENTS = st.integers(978_307_200, 2_114_380_800).map(lambda at: datetime.fromtimestamp(at, tz=UTC))
# Half of all moments lie near a change of the clocks somewhere.
CHANGES = st.sampled_from(
    [datetime(2024, 3, 10, 7, tzinfo=UTC), datetime(2024, 11, 3, 6, tzinfo=UTC), datetime(2024, 3, 31, 1, tzinfo=UTC),
     datetime(2011, 12, 30, 10, tzinfo=UTC), datetime(2024, 4, 6, 15, tzinfo=UTC)]
).flatmap(lambda at: st.integers(-900, 900).map(lambda minutes: at + timedelta(minutes=minutes)))  # fmt: skip


def _wall(at: datetime, zone: ZoneInfo) -> time:
    return at.astimezone(zone).time()


@settings(max_examples=300, deadline=None)
@given(at=st.one_of(MOMENTS, CHANGES), name=st.sampled_from(ZONES), start=MINUTES, end=MINUTES)
@example(datetime(2024, 3, 10, 6, 59, tzinfo=UTC), "America/New_York", time(22), time(2, 30))
@example(datetime(2024, 11, 3, 5, 10, tzinfo=UTC), "America/New_York", time(1), time(1, 30))
@example(datetime(2011, 12, 30, 9, 30, tzinfo=UTC), "Pacific/Apia", time(0), time(23, 59))
def test_the_moment_is_not_quiet_and_no_minute_before_it_is_free(at, name, start, end):
    zone = ZoneInfo(name)
    found = quiet_until(at, zone, start, end)
    if found is None:
        assert not is_quiet(_wall(at, zone), start, end)
        return
    assert is_quiet(_wall(at, zone), start, end)
    assert at < found <= at + timedelta(hours=50)
    assert not is_quiet(_wall(found, zone), start, end)
    # Hours and changes of the clocks begin at whole minutes: looking at each of them misses nothing.
    minute = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute < found:
        assert is_quiet(_wall(minute, zone), start, end), minute
        minute += timedelta(minutes=1)


@settings(max_examples=200, deadline=None)
@given(at=st.one_of(MOMENTS, CHANGES), name=st.sampled_from(ZONES), weekly=st.booleans())
def test_a_digest_goes_out_at_eight_and_no_eight_is_missed(at, name, weekly):
    zone = ZoneInfo(name)
    found = digest_at(at, zone, weekly=weekly)
    local = found.astimezone(zone)
    assume(name != "Pacific/Apia" or found.year != 2011)  # a day that there was not
    assert local.time() == time(8)
    assert not weekly or local.weekday() == 0
    assert at < found <= at + timedelta(days=8 if weekly else 1, hours=2)


@pytest.mark.parametrize(
    ("at", "start", "end", "found"),
    [
        # An ordinary night.
        ("2024-06-03T03:00", time(22), time(7), "2024-06-03T11:00"),
        # Clocks go forward over the end: 2:30 is not there, three o'clock is.
        ("2024-03-10T06:30", time(22), time(2, 30), "2024-03-10T07:00"),
        # Clocks go back into the hours: the first half past one ends them.
        ("2024-11-03T05:10", time(1), time(1, 30), "2024-11-03T05:30"),
        # In the second hour of that name it is quiet again, until it is half past one again.
        ("2024-11-03T06:10", time(1), time(1, 30), "2024-11-03T06:30"),
    ],
)
def test_nights_in_new_york(at, start, end, found):
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert quiet_until(moment, NEW_YORK, start, end) == datetime.fromisoformat(found).replace(tzinfo=UTC)


def test_half_or_empty_hours_are_never_quiet():
    at = datetime(2024, 6, 3, 3, tzinfo=UTC)
    for start, end in ((None, None), (time(1), None), (None, time(1)), (time(3), time(3))):
        assert quiet_until(at, NEW_YORK, start, end) is None


def test_a_zone_that_there_is_not_is_utc():
    assert zone_of("Mars/Olympus") is UTC
    for name in ("../../etc/passwd", "/etc/passwd", "", "America", "a\0b", "x" * 5_000):
        assert zone_of(name) is UTC
    assert zone_of("Asia/Kolkata") == ZoneInfo("Asia/Kolkata")
