"""Scheduled news: read from files with their mistakes named, and heeded by the rules of accounts."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.errors import Invalid
from marketdata.selectors import market_clock
from marketdata.tests.factories import advance
from propfirm.domain.calendar import calendar_read
from propfirm.models import EconomicEvent
from propfirm.selectors.calendar import upcoming
from propfirm.services.calendar import calendar_forget, calendar_import, news_around
from propfirm.tests import factories as make
from trading.domain.types import OrderRequest
from trading.models import Verdict
from trading.services.orders import order_place

WEEKLY = (
    b"Title,Country,Date,Time,Impact,Forecast\n"
    b"Non-Farm Payrolls,USD,01-12-2024,8:30am,High,170K\n"
    b"CPI y/y,EUR,01-12-2024,10:00am,Medium,\n"
)


@pytest.fixture(autouse=True)
def _forget():
    calendar_forget()
    yield
    calendar_forget()


def test_a_weekly_calendar_is_read_in_its_zone():
    events, bad = calendar_read(WEEKLY, zone="America/New_York")
    assert not bad
    assert [(event.title, event.impact, event.at) for event in events] == [
        ("Non-Farm Payrolls", "high", datetime(2024, 1, 12, 13, 30, tzinfo=UTC)),
        ("CPI y/y", "medium", datetime(2024, 1, 12, 15, 0, tzinfo=UTC)),
    ]


def test_json_and_csv_with_an_instant_say_the_same():
    row = {"at": "2024-01-12T13:30:00Z", "title": "Rates", "impact": "high", "symbols": ["AAA", "bbb"], "id": "x1"}
    [one], _ = calendar_read(json.dumps([row]).encode())
    [other], _ = calendar_read(b'ID,Symbols,IMPACT,title,at\nx1,"AAA, bbb",high,Rates,2024-01-12T13:30:00Z\n')
    assert one == other
    assert one.symbols == ("AAA", "BBB")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (",USD,01-12-2024,8:30am,High,", "no title"),
        ("X,USD,01-12-2024,8:30am,Enormous,", "impact"),
        ("X,USD,13-40-2024,8:30am,High,", "date"),
        ("X,USD,01-12-2024,All Day,High,", "no time"),
        ("X,USD,01-12-2024,25:99,High,", "time is"),
    ],
    ids=["title", "impact", "date", "all-day", "time"],
)
def test_a_row_that_is_no_event_is_named_by_its_line(line, words):
    events, bad = calendar_read(WEEKLY + line.encode() + b"\n")
    assert len(events) == 2
    assert [row.line for row in bad] == [4]
    assert words in bad[0].message


@pytest.mark.parametrize(
    ("data", "zone"), [(b"", "UTC"), (b"\xff\xfe", "UTC"), (b"{", "UTC"), (b"{}", "UTC"), (WEEKLY, "Nowhere/Here")]
)
def test_what_is_no_calendar_is_refused(data, zone):
    with pytest.raises(Invalid) as error:
        calendar_read(data, zone=zone)
    assert error.value.code == "calendar_invalid"


def test_events_of_a_day_with_the_same_words_are_events_each():
    twice = WEEKLY + b"Non-Farm Payrolls,USD,01-12-2024,2:00pm,High,\nNon-Farm Payrolls,USD,01-12-2024,2:00pm,High,\n"
    events, bad = calendar_read(twice)
    assert not bad
    found = {event.at.hour: event.external_id for event in events if event.title.startswith("Non")}
    assert sorted(found) == [8, 14]
    [first] = [event for event in calendar_read(WEEKLY)[0] if event.title.startswith("Non")]
    assert found[8] == first.external_id != found[14]


@pytest.mark.parametrize(
    "row",
    [
        {"title": "Rates\x00", "at": "2024-01-12T13:30:00Z"},
        {"title": "Rates", "at": "0001-01-01T00:00:00+14:00"},
        {"title": "Rates", "at": "9999-12-31T23:59:59-12:00"},
        {"title": "Rates", "at": "2024-01-12T13:30:00Z", "id": "\ud800"},
        {"title": "Rates", "at": "2024-01-12T13:30:00Z", "country": "U\x01S"},
        {"title": "Rates", "at": "2024-01-12T13:30:00Z", "symbols": ["A\x00"]},
        {"title": "Rates", "at": {"year": 2024}},
    ],
)
def test_what_no_database_would_take_is_a_bad_row(row):
    events, bad = calendar_read(json.dumps([{"impact": "high", **row}]).encode())
    assert (events, len(bad)) == ([], 1)


@pytest.mark.parametrize(("data", "zone"), [(b"[" * 200_000, "UTC"), (WEEKLY, "America"), (WEEKLY, "../../etc")])
def test_what_would_break_a_reader_is_refused(data, zone):
    with pytest.raises(Invalid) as error:
        calendar_read(data, zone=zone)
    assert error.value.code == "calendar_invalid"


@pytest.mark.django_db
def test_a_time_that_moves_within_the_day_is_the_same_event(tmp_path):
    path = tmp_path / "week.csv"
    path.write_bytes(WEEKLY)
    call_command("import_calendar", path, "--source", "week", stdout=StringIO())
    path.write_bytes(WEEKLY.replace(b"8:30am", b"9:15am"))
    call_command("import_calendar", path, "--source", "week", stdout=StringIO())
    row = EconomicEvent.objects.get(title="Non-Farm Payrolls")
    assert row.at == datetime(2024, 1, 12, 9, 15, tzinfo=UTC)
    path.write_bytes(WEEKLY + b"X,USD,01-12-2024,,High,\n")
    with pytest.raises(CommandError):
        call_command("import_calendar", path, "--source", "other", stderr=StringIO())
    assert not EconomicEvent.objects.filter(source="other").exists()
    call_command("import_calendar", path, "--source", "other", "--skip-bad", stdout=StringIO(), stderr=StringIO())
    assert EconomicEvent.objects.filter(source="other").count() == 2


def event(at, **more):
    row = {"at": at.isoformat(), "title": "Rates", "impact": "high", **more}
    calendar_import(data=json.dumps([row]).encode(), source="test")


@pytest.mark.django_db
def test_an_order_near_news_is_refused_and_a_stop_that_fills_then_fails_the_account():
    market = make.market({"AAA": [(100, 100, 95, 95), (95, 95, 95, 95)]})
    news = {"kind": "news_blackout", "minutes_before": 2, "minutes_after": 2}
    account, who = make.prop_account(make.plan(market, evaluation=[make.MOST, make.TARGET, news]))
    assert make.trade(account, who, "buy", 100).status == "filled"
    stop = OrderRequest(symbol="AAA", side="sell", quantity=Decimal(100), type="stop", stop_price=Decimal(96),
                        time_in_force="gtc")  # fmt: skip
    trading_id = make.phase_of(account).trading_account_id
    assert order_place(actor=who, account_id=trading_id, request=stop, idempotency_key=None).status == "accepted"
    event(market_clock(market.id).at + timedelta(minutes=1))
    view = make.trade(account, who, "buy", 1)
    assert view.status == "denied"
    assert "news" in view.code
    assert upcoming(market.id)[0].title == "Rates"
    # News of another symbol, or of less weight, is nobody's business here.
    EconomicEvent.objects.update(symbols=["BBB"])
    calendar_forget()
    assert make.trade(account, who, "buy", 1).status == "filled"
    while not Verdict.objects.filter(code="news_blackout_breached").exists():
        EconomicEvent.objects.update(symbols=[], at=market_clock(market.id).at + timedelta(hours=2, minutes=10))
        calendar_forget()
        if advance(market.id) is None:
            break
    make.deliver()
    account.refresh_from_db()
    assert account.status == "failed"
    assert make.phase_of(account).verdict.code == "news_blackout_breached"


@pytest.mark.django_db
def test_a_market_that_hides_its_days_has_no_news():
    market = make.market(mask=True)
    at = market_clock(market.id).at
    event(at)
    assert news_around(market.id, at) == ()
    assert upcoming(market.id) == []


@pytest.mark.django_db
def test_rules_see_a_whole_day_around_and_of_too_much_news_what_matters(monkeypatch):
    market = make.market()
    at = market_clock(market.id).at.replace(minute=59)
    event(at + timedelta(hours=24), title="Tomorrow")
    assert [item.title for item in news_around(market.id, at)] == ["Tomorrow"]
    monkeypatch.setattr("propfirm.services.calendar.MOST_AROUND", 2)
    event(at - timedelta(hours=2), title="Little", impact="low")
    event(at - timedelta(hours=1), title="Middling", impact="medium")
    assert [item.title for item in news_around(market.id, at)] == ["Middling", "Tomorrow"]
