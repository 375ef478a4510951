"""The market's status over HTTP, and the operator's pages of exchanges."""

from datetime import date, datetime

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import include, path, reverse

from core.models import AuditEntry
from marketdata import admin_sessions, models  # noqa: F401
from marketdata.api_sessions import MarketStatusView
from marketdata.selectors import sessions as selectors
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.sessions import calendars_loaded, utc

urlpatterns = [path("api/v1/market-status", MarketStatusView.as_view()), path("", include("config.urls"))]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
MODELS = [
    *(models.Exchange, models.ExchangeSession, models.ExchangeHoliday, models.ExchangeHalt, models.CalendarRange),
    *(models.SessionPhase, models.TickSizeRule, models.PriceBandRule, models.MarketPolicy),
]


@pytest.fixture(autouse=True)
def _loaded():
    calendars_loaded("US", "NSE")
    yield
    selectors.sessions_forget()


def ask(**query):
    return Client().get("/api/v1/market-status", query)


def one(**query):
    answer = ask(**query)
    assert answer.status_code == 200, answer.content
    (market,) = answer.json()["markets"]
    return market


@pytest.mark.parametrize(
    ("exchange", "at", "is_open", "phase", "kind", "reason"),
    [
        ("US", "2026-03-08T14:30:00Z", False, "closed", "weekend", "Weekend."),
        ("US", "2026-03-09T13:30:00Z", True, "continuous", "regular", ""),
        ("US", "2026-11-02T13:30:00Z", False, "pre_market", "regular", "Trading before the market opens."),
        ("NSE", "2026-02-01T05:00:00Z", True, "continuous", "special", ""),
        ("US", "2026-12-24T17:30:00Z", True, "continuous", "early_close", ""),
        ("US", "2026-12-24T18:00:00Z", False, "after_hours", "early_close", "Trading after the market's close."),
        ("US", "2027-01-01T15:00:00Z", False, "closed", "holiday", "Holiday: New Year's Day."),
        ("NSE", "2027-01-01T05:00:00Z", False, "closed", "not_loaded", "The calendar of NSE for 2027 is not loaded."),
    ],
)
def test_the_traps(exchange, at, is_open, phase, kind, reason):
    found = one(exchange=exchange, at=at)
    assert (found["is_open"], found["phase"], found["kind"], found["reason"]) == (is_open, phase, kind, reason)


def test_all_of_a_status():
    answer = ask(exchange="nse", at="2026-08-03T15:20:00+05:30", segment="derivatives")
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    assert answer.json() == {
        "at": "2026-08-03T09:50:00Z",
        "markets": [
            {
                "exchange": "NSE",
                "name": "National Stock Exchange of India",
                "zone": "Asia/Kolkata",
                "at": "2026-08-03T09:50:00Z",
                "segment": "derivatives",
                "is_open": False,
                "phase": "closing_auction",
                "accepts_auction": True,
                "session_date": "2026-08-03",
                "kind": "regular",
                "opens_at": "2026-08-03T03:45:00Z",
                "closes_at": "2026-08-03T09:45:00Z",
                "next_open": "2026-08-04T03:45:00Z",
                "next_close": "2026-08-04T09:45:00Z",
                "reason": "The closing auction is on.",
                "is_loaded": True,
                "halt": None,
            }
        ],
    }


def test_all_primary_exchanges_now():
    body = ask().json()
    assert [market["exchange"] for market in body["markets"]] == ["NSE", "SIMX", "US"]
    assert body["markets"][1]["is_open"] is True
    assert (
        abs((datetime.now(tz=utc("2026-01-01T00:00").tzinfo) - datetime.fromisoformat(body["at"])).total_seconds()) < 60
    )


def test_a_halt_is_said():
    selectors.sessions_forget()
    models.ExchangeHalt.objects.create(
        exchange_id="US", kind="market_wide", starts_at=utc("2026-03-09T15:00"), reason="Level 1", source="x"
    )
    found = one(exchange="NYSE", at="2026-03-09T15:00:00Z", segment="")
    assert (found["is_open"], found["next_open"]) == (False, None)
    assert found["halt"] == {
        "kind": "market_wide",
        "reason": "Level 1",
        "starts_at": "2026-03-09T15:00:00Z",
        "ends_at": None,
    }


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"exchange": "XXX"}, 404, "unknown_exchange"),
        ({"exchange": "X" * 13}, 400, "invalid"),
        ({"exchange": "US", "at": "yesterday"}, 400, "invalid"),
        ({"exchange": "US", "at": "9999-12-31T23:59:59Z"}, 400, "invalid"),
        ({"exchange": "US", "at": "0001-01-01T00:00:00Z"}, 400, "invalid"),
        ({"exchange": "US", "segment": "a b"}, 400, "invalid"),
        ({"exchange": "US", "segment": "s" * 17}, 400, "invalid"),
    ],
)
def test_bad_questions(query, status, code):
    answer = ask(**query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "details"}


@pytest.fixture
def operator():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser(email="op@example.com", password="a long enough pass"))
    return client


def page(model, view="changelist", *args):
    return reverse(f"admin:marketdata_{model._meta.model_name}_{view}", args=args)


@pytest.mark.parametrize("model", MODELS)
def test_pages_show_and_do_not_delete(operator, model):
    models.ExchangeHalt.objects.create(exchange_id="US", kind="operator", starts_at=utc("2026-03-09T15:00"), reason="x")
    row = model.objects.first()
    assert operator.get(page(model)).status_code == 200
    assert operator.get(page(model, "change", row.pk)).status_code == 200
    assert operator.get(page(model, "add")).status_code == (403 if model is models.CalendarRange else 200)
    assert operator.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    if model in (models.CalendarRange, models.ExchangeHalt):
        assert operator.post(page(model, "change", row.pk), {"reason": "x"}).status_code == 403


def test_a_session_is_set_and_removed(operator):
    times = {
        "opens_at_0": "2026-11-08",
        "opens_at_1": "12:30:00",
        "closes_at_0": "2026-11-08",
        "closes_at_1": "13:30:00",
    }
    send = {"exchange": "NSE", "date": "2026-11-08", "kind": "special", "note": "Muhurat", **times}
    operator.post(page(models.ExchangeSession, "add"), send)
    assert selectors.session_on("NSE", date(2026, 11, 8)) is None  # no reason given
    answer = operator.post(page(models.ExchangeSession, "add"), {**send, "reason": "Circular"})
    assert answer.status_code == 302, answer.content.decode()
    assert selectors.session_on("NSE", date(2026, 11, 8)).note == "Muhurat"
    row = models.ExchangeSession.objects.get(exchange="NSE", date="2026-11-08")
    assert row.source.startswith("operator: ")
    later = {**send, "closes_at_1": "14:00:00", "reason": "Circular 2"}
    answer = operator.post(page(models.ExchangeSession, "change", row.pk), later)
    assert answer.status_code == 302, answer.content.decode()
    assert selectors.session_on("NSE", date(2026, 11, 8)).closes_at == utc("2026-11-08T14:00")
    row = models.ExchangeSession.objects.get(exchange="NSE", date="2026-11-08")
    send = {"action": "remove", "_selected_action": [row.pk]}
    operator.post(page(models.ExchangeSession), send)
    assert selectors.session_on("NSE", date(2026, 11, 8)) is not None
    operator.post(page(models.ExchangeSession), {**send, "reason": "Cancelled"})
    assert selectors.session_on("NSE", date(2026, 11, 8)) is None
    assert selectors.market_status("NSE", utc("2026-11-08T13:00")).reason == "Holiday: Cancelled."
    assert AuditEntry.objects.filter(subject_id="NSE 2026-11-08", actor_id__isnull=False).count() == 3


def test_a_service_that_refuses_is_heard_on_the_page(operator):
    send = {"exchange": "NSE", "date": "2027-01-26", "name": "Republic Day", "reason": "List"}
    answer = operator.post(page(models.ExchangeHoliday, "add"), send, follow=True)
    assert "The calendar of NSE for 2027 is not loaded" in answer.content.decode()
    assert not models.ExchangeHoliday.objects.filter(date="2027-01-26").exists()
    send["date"] = "2026-08-14"
    assert operator.post(page(models.ExchangeHoliday, "add"), send).status_code == 302
    assert selectors.market_status("BSE", utc("2026-08-14T05:00")).reason == "Holiday: Republic Day."


def test_a_halt_is_begun_and_lifted(operator):
    instrument = InstrumentFactory()
    send = {"exchange": "SIMX", "instrument": instrument.pk, "kind": "operator", "reason": "Odd prices"}
    send |= {"starts_at_0": "2026-03-09", "starts_at_1": "15:00:00"}
    answer = operator.post(page(models.ExchangeHalt, "add"), send)
    assert answer.status_code == 302, answer.content.decode()
    at = utc("2026-03-09T15:00")
    assert selectors.market_status("SIMX", at).is_open
    assert not selectors.market_status("SIMX", at, instrument_id=instrument.pk).is_open
    row = models.ExchangeHalt.objects.get()
    operator.post(page(models.ExchangeHalt), {"action": "lift", "_selected_action": [row.pk], "reason": "Mended"})
    row.refresh_from_db()
    assert row.ends_at is not None
    assert AuditEntry.objects.get(action="exchange_halt.end").reason == "Mended"


def test_rules_are_saved_with_a_reason_and_are_the_operators(operator):
    band = models.PriceBandRule.objects.get(exchange="NSE", kind="daily")
    send = {"exchange": "NSE", "instrument": "", "segment": "", "kind": "daily", "price_from": "0", "percent": "10"}
    send |= {"valid_from": "2000-01-01", "valid_to": ""}
    answer = operator.post(page(models.PriceBandRule, "change", band.pk), send)
    assert "This field is required" in answer.content.decode()
    answer = operator.post(page(models.PriceBandRule, "change", band.pk), {**send, "reason": "Circular"})
    assert answer.status_code == 302, answer.content.decode()
    assert selectors.band_for("NSE", date(2026, 8, 3)).percent == 10
    band.refresh_from_db()
    assert band.source.startswith("operator: ")
    entry = AuditEntry.objects.get(action="pricebandrule.save")
    assert (entry.before["percent"], entry.after["percent"], entry.reason) == ("20.000", "10", "Circular")


def test_a_policy_is_added(operator):
    send = {
        "exchange": "US",
        "lag_minutes": "15",
        "live_by": "nobody",
        "reason": "Licence ended",
        "valid_from": "2026-08-01",
    }
    answer = operator.post(page(models.MarketPolicy, "add"), send)
    assert answer.status_code == 302, answer.content.decode()
    found = selectors.policy_for("NYSE", date(2026, 8, 1))
    assert (found.allows_money, found.lag_minutes, found.live_by) == (False, 15, "nobody")
    assert AuditEntry.objects.get(action="marketpolicy.save").before is None


def test_an_exchange_keeps_its_code(operator):
    send = {
        "name": "Nasdaq Stock Market",
        "country": "US",
        "zone": "America/New_York",
        "currency": "USD",
        "follows": "US",
    }
    answer = operator.post(page(models.Exchange, "change", "NASDAQ"), {**send, "code": "X", "reason": "Name"})
    assert answer.status_code == 302, answer.content.decode()
    assert selectors.exchange_view("NASDAQ").name == "Nasdaq Stock Market"
    changes = [("NASDAQ", {"zone": "Mars"}), ("NASDAQ", {"follows": "NYSE"}), ("US", {"follows": "NSE"})]
    for code, change in [*changes, ("SIMX", {"follows": "SIMX"})]:
        before = selectors.exchange_view(code)
        operator.post(page(models.Exchange, "change", code), {**send, "reason": "Name", "follows": "", **change})
        assert selectors.exchange_view(code) == before
