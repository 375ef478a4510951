"""Whether exchanges are open: the traps of the calendar, phases, halts, and what is not loaded."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.errors import Invalid, NotFound
from marketdata import models
from marketdata.selectors import exchange_rows
from marketdata.selectors import sessions as selectors
from marketdata.services import sessions as services
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.sessions import KOLKATA, NEW_YORK, calendars_loaded, utc

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten():
    selectors.sessions_forget()
    yield
    selectors.sessions_forget()


@pytest.fixture
def us():
    return calendars_loaded("US")[0]


@pytest.fixture
def nse():
    return calendars_loaded("NSE")[0]


def at(text, exchange="US", **more):
    return selectors.market_status(exchange, utc(text), **more)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2026-03-06", "14:30", "21:00"),
        ("2026-03-09", "13:30", "20:00"),  # the clocks went forward on 8 March
        ("2026-10-30", "13:30", "20:00"),
        ("2026-11-02", "14:30", "21:00"),  # and back on 1 November
    ],
)
def test_us_hours_follow_the_clocks(us, day, opens, closes):
    one = timedelta(seconds=1)
    opens_at, closes_at = utc(f"{day}T{opens}"), utc(f"{day}T{closes}")
    status = selectors.market_status("US", opens_at)
    assert (status.is_open, status.phase, status.reason) == (True, "continuous", "")
    assert (status.opens_at, status.closes_at, status.next_close) == (opens_at, closes_at, closes_at)
    before, after = selectors.market_status("US", opens_at - one), selectors.market_status("US", closes_at)
    assert (before.is_open, before.phase, before.next_open) == (False, "pre_market", opens_at)
    assert (after.is_open, after.phase) == (False, "after_hours")
    assert selectors.market_status("US", closes_at - one).is_open


@pytest.mark.parametrize(
    ("sunday", "opens"), [("2026-03-08T06:59:59", "2026-03-09T13:30"), ("2026-11-01T05:59:59", "2026-11-02T14:30")]
)
def test_the_hour_at_which_the_clocks_change(us, sunday, opens):
    for offset in (0, 1, 3600, 3601):
        status = selectors.market_status("NYSE", utc(sunday) + timedelta(seconds=offset))
        assert (status.is_open, status.kind, status.reason) == (False, "weekend", "Weekend.")
        assert status.next_open == utc(opens)
        assert status.at.astimezone(NEW_YORK).date() == date.fromisoformat(sunday[:10])


@pytest.mark.parametrize("day", ["2026-11-27", "2026-12-24"])
def test_early_closes(us, day):
    status = at(f"{day}T17:59:59")
    assert (status.is_open, status.kind, status.closes_at) == (True, "early_close", utc(f"{day}T18:00"))
    late = at(f"{day}T18:00")
    assert (late.is_open, late.phase) == (False, "after_hours")
    assert at(f"{day}T21:59:59").phase == "after_hours"  # moved with the close: to 17:00, not to 20:00
    closed = at(f"{day}T22:00")
    assert (closed.phase, closed.reason) == ("closed", "After the close.")


def test_the_us_on_new_year(us):
    eve, new_year = at("2026-12-31T20:59:59"), at("2027-01-01T15:00")
    assert eve.is_open
    assert eve.next_open == utc("2027-01-04T14:30")
    assert (new_year.is_open, new_year.kind, new_year.is_loaded) == (False, "holiday", True)
    assert new_year.reason == "Holiday: New Year's Day."
    assert (new_year.session_date, new_year.opens_at) == (None, None)
    assert (new_year.next_open, new_year.next_close) == (utc("2027-01-04T14:30"), utc("2027-01-04T21:00"))


def test_a_year_that_is_not_loaded_is_closed(nse):
    last = at("2026-12-31T18:29:59", "NSE")  # 23:59:59 in India
    assert (last.is_loaded, last.reason, last.next_open) == (True, "After the close.", None)
    for code in ("NSE", "BSE"):
        status = at("2026-12-31T18:30", code)
        assert (status.is_open, status.is_loaded, status.kind) == (False, False, "not_loaded")
        assert status.reason == f"The calendar of {code} for 2027 is not loaded."
        assert at("2027-01-04T05:00", code).reason == f"The calendar of {code} for 2027 is not loaded."
    assert at("2025-12-31T05:00", "NSE").is_loaded is False
    assert selectors.session_on("NSE", date(2027, 1, 4)) is None


def test_a_stored_session_outside_of_what_is_loaded_does_not_count(nse):
    models.ExchangeSession.objects.create(
        exchange_id="NSE",
        date="2027-01-04",
        opens_at=utc("2027-01-04T03:45"),
        closes_at=utc("2027-01-04T10:00"),
        source="?",
    )
    selectors.sessions_forget()
    assert not at("2027-01-04T05:00", "NSE").is_open
    assert at("2026-12-31T12:00", "NSE").next_open is None
    assert selectors.sessions_between("NSE", date(2026, 12, 31), date(2027, 1, 8))[-1].date == date(2026, 12, 31)


def test_exchanges_without_any_calendar_are_closed():
    services.exchanges_seed()
    status = at("2026-03-09T15:00")
    assert (status.is_open, status.is_loaded) == (False, False)
    assert status.reason == "The calendar of US for 2026 is not loaded."
    assert selectors.session_before("US", utc("2026-03-09T15:00")) is None


def test_indias_sunday_session(nse):
    status = at("2026-02-01T05:00", "NSE")
    assert (status.is_open, status.kind, status.session_date) == (True, "special", date(2026, 2, 1))
    assert status.closes_at == datetime(2026, 2, 1, 15, 30, tzinfo=KOLKATA)
    assert at("2026-02-01T03:40", "BSE").phase == "pre_open"
    assert at("2026-02-08T05:00", "NSE").kind == "weekend"
    assert at("2026-11-08T12:45", "NSE").kind == "weekend"  # a Muhurat session is an operator's to add


def test_a_muhurat_session_that_the_operator_adds(nse):
    hours = [datetime(2026, 11, 8, hour, tzinfo=KOLKATA) for hour in (18, 19)]
    services.session_set(
        actor=None, exchange="NSE", day=date(2026, 11, 8), opens_at=hours[0], closes_at=hours[1], reason="Circular"
    )
    status = at("2026-11-08T12:45", "NSE")
    assert (status.is_open, status.kind, status.next_close) == (True, "special", hours[1])
    assert at("2026-11-08T12:20", "NSE").phase == "pre_open"
    assert at("2026-11-08T13:20", "NSE", segment="derivatives").phase == "closing_auction"


def test_the_closing_auction_begins_on_3_august_2026(nse):
    before = at("2026-07-31T09:50", "NSE", segment="derivatives")  # 15:20 in India
    assert (before.is_open, before.closes_at) == (True, utc("2026-07-31T10:00"))
    auction = at("2026-08-03T09:50", "NSE", segment="derivatives")
    assert (auction.is_open, auction.phase, auction.accepts_auction) == (False, "closing_auction", True)
    assert (auction.closes_at, auction.next_open) == (utc("2026-08-03T09:45"), utc("2026-08-04T03:45"))
    assert auction.reason == "The closing auction is on."
    other = at("2026-08-03T09:50", "NSE")
    assert (other.is_open, other.accepts_auction, other.closes_at) == (True, False, utc("2026-08-03T10:00"))
    assert at("2026-08-03T09:50", "NSE", segment="nonsense").is_open
    assert at("2026-08-03T09:44:59", "NSE", segment="derivatives").is_open
    assert at("2026-08-03T10:04:59", "NSE", segment="derivatives").phase == "closing_auction"
    assert at("2026-08-03T10:05", "NSE", segment="derivatives").phase == "closed"
    assert at("2026-08-03T10:15", "NSE").phase == "closed"
    assert at("2026-08-03T10:25", "NSE").phase == "post_close"
    assert at("2026-07-31T10:15", "NSE").phase == "post_close"


def test_the_night_session_is_of_nothing_until_it_is_switched_on(us):
    evening = "2026-12-08T03:00"  # Monday 22:00 in New York, for Tuesday's trade date
    assert at(evening, "NASDAQ").phase == "closed"
    night = at(evening, "NASDAQ", segment="night")
    assert (night.phase, night.is_open, night.session_date) == ("overnight", False, date(2026, 12, 8))
    models.SessionPhase.objects.filter(kind="overnight").update(segment="")
    selectors.sessions_forget()
    assert at(evening, "NASDAQ").phase == "overnight"
    assert at(evening, "NYSE").phase == "closed"
    assert at("2026-12-01T03:00", "NASDAQ").phase == "closed"


def test_the_last_minute_of_the_day_in_utc(us, nse):
    for code, kind in (("US", "after_hours"), ("NSE", "closed"), ("SIMX", "continuous")):
        assert at("2026-03-09T23:59:59", code).phase == kind
    assert at("2026-03-09T23:59:59").session_date == date(2026, 3, 9)
    assert at("2026-03-09T23:59:59", "NSE").session_date == date(2026, 3, 10)
    assert at("2026-03-09T23:59:59", "SIMX").session_date == date(2026, 3, 9)
    assert at("2026-03-10T00:00").phase == "closed"  # 20:00 in New York
    assert at("2026-03-10T00:00", "SIMX").session_date == date(2026, 3, 10)


def test_the_simulated_exchange_is_always_open():
    services.exchanges_seed()
    for text in ("2026-02-01T05:00", "2026-12-25T00:00", "2031-01-01T23:59:59"):
        status = at(text, "SIMX")
        day = date.fromisoformat(text[:10])
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        assert (status.is_open, status.is_loaded, status.opens_at) == (True, True, midnight)
        assert status.next_open == status.next_close == status.closes_at == midnight + timedelta(days=1)
    assert selectors.session_before("SIMX", utc("2026-02-01T05:00")).date == date(2026, 1, 31)
    assert len(selectors.sessions_between("SIMX", date(2026, 1, 1), date(2027, 12, 31))) == 730
    with pytest.raises(Invalid, match="always open"):
        services.holiday_set(actor=None, exchange="SIMX", day=date(2026, 1, 1), name="x", reason="y")


def test_those_that_follow_keep_their_own_names(us):
    assert [view.code for view in selectors.exchanges(primary=True)] == ["NSE", "SIMX", "US"]
    nasdaq = selectors.exchange_view("NASDAQ")
    assert (nasdaq.calendar, nasdaq.chain, nasdaq.zone) == ("US", ("NASDAQ", "US"), "America/New_York")
    status = at("2026-03-09T14:00", "NASDAQ")
    assert (status.exchange, status.name, status.is_open) == ("NASDAQ", "Nasdaq", True)
    assert selectors.exchange_view("SIM").is_simulated
    for call in (
        lambda: selectors.market_status("XXX", utc("2026-03-09T14:00")),
        lambda: selectors.session_on("XXX", date(2026, 3, 9)),
        lambda: selectors.policy_for("XXX", date(2026, 3, 9)),
    ):
        with pytest.raises(NotFound) as refused:
            call()
        assert refused.value.code == "unknown_exchange"
    with pytest.raises(Invalid):
        selectors.market_status("US", datetime(2026, 3, 9, 14))  # noqa: DTZ001


def test_halts(us):
    other, halted = InstrumentFactory(), InstrumentFactory()
    noon = utc("2026-03-09T16:00")
    services.halt_begin(
        actor=None,
        exchange="US",
        reason="Level 1",
        kind="market_wide",
        starts_at=noon,
        ends_at=noon + timedelta(minutes=15),
    )
    for code in ("US", "NASDAQ"):
        status = selectors.market_status(code, noon)
        assert (status.is_open, status.phase, status.reason) == (False, "continuous", "Trading is halted: Level 1.")
        assert (status.next_open, status.next_close) == (utc("2026-03-09T16:15"), utc("2026-03-09T20:00"))
        assert status.halt.kind == "market_wide"
    assert at("2026-03-09T16:15").is_open
    assert at("2026-03-09T15:59:59").next_close == utc("2026-03-09T20:00")
    later = utc("2026-03-09T17:00")
    halt = services.halt_begin(
        actor=None, exchange="NASDAQ", reason="News.", kind="regulatory", instrument_id=halted.pk, starts_at=later
    )
    assert selectors.market_status("NASDAQ", later).is_open
    assert selectors.market_status("NASDAQ", later, instrument_id=other.pk).is_open
    status = selectors.market_status("NASDAQ", later, instrument_id=halted.pk)
    assert (status.is_open, status.next_open, status.reason) == (False, None, "Trading is halted: News.")
    assert selectors.market_status("NYSE", later, instrument_id=halted.pk).is_open
    services.halt_end(actor=None, halt_id=halt, reason="Resumed", at=later + timedelta(minutes=5))
    status = selectors.market_status("NASDAQ", later, instrument_id=halted.pk)
    assert status.next_open == utc("2026-03-09T17:05")
    assert selectors.market_status("NASDAQ", utc("2026-03-09T17:05"), instrument_id=halted.pk).is_open


def test_a_halt_to_the_end_of_the_day_goes_on_with_the_next_session(us):
    begins = utc("2026-03-09T18:00")
    services.halt_begin(
        actor=None, exchange="US", reason="Level 3", starts_at=begins, ends_at=begins + timedelta(hours=10)
    )
    status = selectors.market_status("US", begins)
    assert (status.next_open, status.next_close) == (utc("2026-03-10T13:30"), utc("2026-03-10T20:00"))
    assert at("2026-03-10T02:00").reason == "After the close."


def test_sessions_by_day_and_time(us):
    monday = date(2026, 3, 9)
    assert selectors.session_on("NYSE", monday).opens_at == utc("2026-03-09T13:30")
    assert selectors.session_on("NYSE", date(2026, 3, 8)) is None
    assert selectors.session_containing("US", utc("2026-03-09T13:30")).date == monday
    assert selectors.session_containing("US", utc("2026-03-09T20:00")) is None
    assert selectors.session_before("US", utc("2026-03-09T19:59:59")).date == date(2026, 3, 6)
    assert selectors.session_before("US", utc("2026-03-09T20:00")).date == monday
    days = [session.date for session in selectors.sessions_between("US", date(2026, 12, 23), date(2027, 1, 4))]
    assert [day.day for day in days] == [23, 24, 28, 29, 30, 31, 4]
    assert len(selectors.sessions_between("US", date(1999, 1, 1), date(2030, 1, 1))) == us.sessions
    with pytest.raises(Invalid, match="20000 days"):
        selectors.sessions_between("US", date(1900, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("exchange", "price", "on", "tick"),
    [
        ("US", "0.9999", "2026-01-02", "0.0001"),
        ("NYSE", "1", "2026-01-02", "0.01"),
        ("NSE", "100", "2025-04-14", "0.05"),
        ("NSE", "30000", "2025-04-14", "0.05"),
        ("BSE", "249.99", "2025-04-15", "0.01"),
        ("NSE", "250", "2026-01-02", "0.05"),
        ("NSE", "1000", "2026-01-02", "0.10"),
        ("NSE", "9999", "2026-01-02", "0.50"),
        ("NSE", "10000", "2026-01-02", "1"),
        ("NSE", "25000", "2026-01-02", "5"),
        ("NSE", "100", "1999-12-31", None),
    ],
)
def test_price_grids_by_date(exchange, price, on, tick):
    services.exchanges_seed()
    found = selectors.tick_size_for(exchange, Decimal(price), date.fromisoformat(on))
    assert found == (tick and Decimal(tick))


def test_bands():
    services.exchanges_seed()
    on = date(2026, 8, 3)
    band = selectors.band_for("BSE", on)
    assert (band.kind, band.percent) == ("daily", 20)
    assert selectors.band_for("NSE", on, segment="derivatives").kind == "dynamic"
    assert selectors.band_for("NSE", on, segment="derivatives", kinds=["auction"]).percent == 3
    assert selectors.band_for("NSE", date(2026, 8, 2), segment="derivatives", kinds=["auction"]) is None
    assert selectors.band_for("US", on) is None
    luld = {
        price: selectors.band_for("US", on, kinds=["luld"], price=Decimal(price)).percent for price in ("0.5", "3", "9")
    }
    assert luld == {"0.5": 75, "3": 20, "9": 10}
    assert selectors.band_for("NASDAQ", on, segment="tier1", kinds=["luld"], price=Decimal(9)).percent == 5
    assert selectors.band_for("NASDAQ", on, segment="tier1", kinds=["luld"], price=Decimal(2)).percent == 20
    instrument = InstrumentFactory()
    models.PriceBandRule.objects.create(
        exchange_id="NSE", instrument=instrument, kind="daily", percent=5, valid_from="2026-08-01", source="list"
    )
    selectors.sessions_forget()
    assert selectors.band_for("NSE", on, instrument.pk).percent == 5
    assert selectors.band_for("NSE", date(2026, 7, 31), instrument.pk).percent == 20
    assert selectors.band_for("NSE", on, instrument.pk + 1).percent == 20


def test_policies():
    services.exchanges_seed()
    on = date(2026, 8, 3)
    india = selectors.policy_for("BSE", on)
    assert (india.allows_money, india.lag_minutes, india.live_by) == (False, 43_200, "own_broker")
    assert "30 days" in india.reason
    assert selectors.policy_for("NASDAQ", on).allows_money
    assert selectors.policy_for("SIMX", on).allows_money
    models.MarketPolicy.objects.create(exchange_id="US", allows_money=False, reason="Lawyers", valid_from="2026-08-04")
    selectors.sessions_forget()
    assert selectors.policy_for("NASDAQ", on).allows_money
    assert not selectors.policy_for("NASDAQ", on + timedelta(days=1)).allows_money
    assert selectors.policy_for("US", date(1999, 1, 1)) is None


def test_warm_answers_ask_nobody(us, django_assert_num_queries):
    moment, day = utc("2026-03-09T16:00"), date(2026, 3, 9)

    def ask():
        selectors.market_status("NASDAQ", moment)
        selectors.session_before("NASDAQ", moment)
        selectors.sessions_between("NASDAQ", day, date(2026, 12, 31))
        selectors.tick_size_for("NASDAQ", Decimal(5), day)
        selectors.band_for("NASDAQ", day)
        selectors.policy_for("NASDAQ", day)

    ask()
    with django_assert_num_queries(0):
        ask()
        selectors.market_status("NASDAQ", moment + timedelta(days=1), segment="derivatives")


def test_another_process_is_told_of_changes(us, monkeypatch):
    assert at("2026-03-09T14:00").kind != "holiday"
    kept = exchange_rows._kept
    services.holiday_set(actor=None, exchange="US", day=date(2026, 3, 9), name="Mourning", reason="Decree")
    monkeypatch.setattr(exchange_rows, "_kept", kept)  # as a process that has not made the change
    assert at("2026-03-09T14:00").is_open
    kept.looked_at -= exchange_rows.LOOKED_AT_SECONDS
    assert at("2026-03-09T14:00").reason == "Holiday: Mourning."


def test_what_has_not_changed_is_not_read_again(us, django_assert_num_queries):
    at("2026-03-09T14:00")
    exchange_rows._kept.looked_at -= exchange_rows.LOOKED_AT_SECONDS
    with django_assert_num_queries(0):
        at("2026-03-09T14:00")
