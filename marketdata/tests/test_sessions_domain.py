"""Whatever the time, an exchange's status agrees with itself."""

from datetime import date, time, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.domain import exchanges as known
from marketdata.domain.calendar import holidays
from marketdata.domain.calendar_file import csv_days, days_of
from marketdata.domain.holidays import INDIA_2026
from marketdata.domain.session_calendar import Calendar, ExchangeView, HaltView, PhaseView, SessionView
from marketdata.domain.sessions import alert_of, status_of
from marketdata.tests.sessions import KOLKATA, NEW_YORK, utc

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
SPECIAL = "2026-11-27,Early,09:30,13:00\n2026-12-24,Early,09:30,13:00\n2026-06-06,A Saturday,10:00,12:00\n"


def calendar(code, zone, closed, special="", halts=()):
    rows = csv_days("date,name,opens,closes\n" + "".join(f"{day},Holiday,,\n" for day in sorted(closed)) + special)
    view = ExchangeView(code, code, "XX", zone.key, "USD", (code,))
    phases = tuple(
        PhaseView(code, seed.kind, seed.segment, seed.starts, seed.ends, seed.valid_from, seed.valid_to)
        for seed in known.PHASES
        if seed.exchange in {code, {"US": "NASDAQ"}.get(code)}
    )
    hours = Calendar(view, phases=phases).regular_hours
    sessions, named = days_of(rows, FIRST, LAST, zone, hours)
    views = tuple(SessionView(item.date, item.kind, item.opens_at, item.closes_at) for item in sessions)
    return Calendar(view, views, named, phases, tuple(halts), FIRST, LAST)


HALT = HaltView(1, "US", "operator", utc("2026-05-05T15:00"), utc("2026-05-05T18:00"), "Test")
US = calendar("US", NEW_YORK, set(holidays(2026)), SPECIAL, [HALT])
NSE = calendar("NSE", KOLKATA, INDIA_2026, "2026-02-01,Budget,09:15,15:30\n")
ALWAYS = Calendar(ExchangeView("SIMX", "SIMX", "ZZ", "UTC", "USD", ("SIMX",), is_always_open=True))
times = st.datetimes(utc("2025-12-20T00:00").replace(tzinfo=None), utc("2027-01-10T00:00").replace(tzinfo=None)).map(
    lambda at: at.replace(tzinfo=utc("2026-01-01T00:00").tzinfo)
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([US, NSE, ALWAYS]), times, st.sampled_from(["", "derivatives", "night"]))
def test_a_status_agrees_with_itself(found, at, segment):
    status = status_of(found, at, segment)
    day = found.day_of(at)
    windows = [item for near in (-1, 0, 1) for item in found.windows_on(day + timedelta(days=near), segment)]
    trading = [item for item in windows if item.kind == "continuous" and item.starts_at <= at < item.ends_at]
    assert (status.phase == "continuous") == bool(trading)
    assert status.is_open == (bool(trading) and status.halt is None)
    assert (status.reason == "") == status.is_open
    assert status.is_loaded == (found is ALWAYS or FIRST <= day <= LAST)
    if status.is_open:
        assert status.opens_at <= at < status.closes_at
        assert at < status.next_close == trading[0].ends_at
        assert status.next_open is None or status.next_open >= status.next_close
        return
    assert not (status.accepts_auction and status.phase != "closing_auction")
    if status.next_open is None:
        assert status.next_close is None
        assert found.trading_after(at, segment) is None
        return
    assert at < status.next_open < status.next_close
    assert status_of(found, status.next_open, segment).is_open
    assert not status_of(found, status.next_open - timedelta(microseconds=1), segment).is_open
    assert status_of(found, status.next_open, segment).next_close == status.next_close


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([US, NSE]), times)
def test_a_session_before_is_over_and_none_is_between(found, at):
    before = found.session_before(at)
    over = [session for session in found.sessions if session.closes_at <= at]
    assert before == (over[-1] if over else None)
    inside = found.session_containing(at)
    assert [inside] == ([session for session in found.sessions if session.opens_at <= at < session.closes_at] or [None])


def test_phases_of_a_day_do_not_overlap():
    for found, segment in ((US, ""), (US, "night"), (NSE, ""), (NSE, "derivatives")):
        windows = [window for day in found.dates for window in found.windows_on(day, segment)]
        for earlier, later in pairwise(windows):
            assert earlier.ends_at <= later.starts_at, (earlier, later)


def test_newer_hours_take_the_place_of_older_ones():
    older = PhaseView("X", "continuous", "", time(9), time(17), date(2000, 1, 1))
    newer = PhaseView("X", "continuous", "", time(8), time(16), date(2026, 7, 1))
    found = Calendar(ExchangeView("X", "X", "XX", "UTC", "USD", ("X",)), phases=(older, newer))
    assert found.regular_hours(date(2026, 6, 30)) == (time(9), time(17))
    assert found.regular_hours(date(2026, 7, 1)) == (time(8), time(16))
    assert found.regular_hours(date(1999, 7, 1)) is None


def test_a_session_too_short_for_what_a_segment_gives_up_trades_whole():
    short = SessionView(date(2026, 11, 9), "special", utc("2026-11-09T12:30"), utc("2026-11-09T12:40"))
    found = Calendar(NSE.exchange, (short,), {}, NSE.phases, (), FIRST, LAST)
    assert status_of(found, utc("2026-11-09T12:39"), "derivatives").is_open


def test_an_open_ended_halt_leaves_the_next_open_unknown():
    halts = [HaltView(1, "US", "operator", utc("2026-05-05T15:00"), None, "Test")]
    found = Calendar(US.exchange, US.sessions, US.holidays, US.phases, tuple(halts), FIRST, LAST)
    assert status_of(found, utc("2026-05-05T14:59")).is_open
    for text in ("2026-05-05T15:00", "2026-05-06T15:00"):
        status = status_of(found, utc(text))
        assert (status.is_open, status.next_open, status.next_close) == (False, None, None)
    assert status_of(found, utc("2026-05-09T15:00")).reason == "Weekend."


def test_a_halt_after_another():
    halts = [
        HaltView(1, "US", "operator", utc("2026-05-05T15:00"), utc("2026-05-05T16:00"), "One"),
        HaltView(2, "US", "operator", utc("2026-05-05T16:00"), utc("2026-05-06T14:00"), "Two"),
    ]
    found = Calendar(US.exchange, US.sessions, US.holidays, US.phases, tuple(halts), FIRST, LAST)
    assert status_of(found, utc("2026-05-05T15:00")).next_open == utc("2026-05-06T14:00")


def test_alerts():
    today = date(2026, 11, 16)
    assert alert_of("X", today + timedelta(days=46), today) is None
    assert "in 45 days" in alert_of("X", today + timedelta(days=45), today).message
    assert "in 0 days" in alert_of("X", today, today).message
    assert "ended on 2026-11-15" in alert_of("X", date(2026, 11, 15), today).message
    assert alert_of("X", None, today).last is None


def test_known_rules_have_sources_and_end_before_the_next_begins():
    rows = [*known.PHASES, *known.TICK_SIZES, *known.BANDS]
    assert all(row.source.startswith(known.SEEDED) and len(row.source) <= 200 for row in rows)
    assert all(row.valid_to is None or row.valid_from <= row.valid_to for row in rows)
    assert all(len(policy.reason) <= 300 for policy in known.POLICIES)
    codes = [seed.code for seed in known.EXCHANGES]
    assert len(set(codes)) == len(codes)
    assert all(seed.follows is None or codes.index(seed.follows) < codes.index(seed.code) for seed in known.EXCHANGES)
    assert all(Decimal(0) < row.percent < 100 for row in known.BANDS)
