"""Loading exchanges and calendars: doing it again, the official list, operators' lists and edits, alerts."""

import subprocess
import sys
from datetime import UTC, date, datetime, time

import pytest
from django.core.management import CommandError, call_command

from core.errors import Conflict, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from marketdata import models
from marketdata.adapters.calendars import library_sessions
from marketdata.domain import exchanges as known
from marketdata.domain.calendar_file import csv_days, years_of
from marketdata.domain.holidays import INDIA_2026, holiday_name
from marketdata.selectors import sessions as selectors
from marketdata.services import calendars
from marketdata.services import sessions as services
from marketdata.tasks import calendar_alerts
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.sessions import KOLKATA, calendars_loaded, utc

pytestmark = pytest.mark.django_db
HEADER = "date,name,opens,closes\n"
INDIA_2027 = "".join(
    f"2027-{day},{name},,\n"
    for day, name in [
        ("01-26", "Republic Day"),
        ("03-22", "Holi"),
        ("03-26", "Good Friday"),
        ("08-16", "Parsi New Year"),
    ]
)
MORE_2027 = "2027-10-29,Diwali Laxmi Pujan,18:00,19:00\n2027-12-31,Year end,09:15,13:00\n2027-11-01,Balipratipada,,\n"


@pytest.fixture(autouse=True)
def _forgotten():
    selectors.sessions_forget()
    yield
    selectors.sessions_forget()


def listed(tmp_path, text, exchange="NSE", name="nse-2027.csv"):
    path = tmp_path / name
    path.write_text(text)
    return services.calendar_import(exchange=exchange, path=path)


def test_loading_everything_and_again(capsys):
    call_command("load_sessions")
    said = capsys.readouterr().out
    assert f"Exchanges: {len(known.EXCHANGES)} new" in said
    next_year = datetime.now(tz=UTC).year + 1
    ranges = {row.exchange_id: (row.first, row.last) for row in models.CalendarRange.objects.all()}
    assert ranges == {
        "US": (date(2000, 1, 1), date(next_year, 12, 31)),
        "NSE": (date(2006, 1, 1), date(2026, 12, 31)),
    }
    assert {
        row.date: row.name for row in models.ExchangeHoliday.objects.filter(exchange="NSE", date__year=2026)
    } == INDIA_2026
    us = models.ExchangeHoliday.objects.filter(exchange="US")
    assert not us.filter(name="Exchange holiday").exists()
    assert list(us.filter(date__year=2027).values_list("name", flat=True)) == [
        *("New Year's Day", "Martin Luther King Jr. Day", "Washington's Birthday", "Good Friday", "Memorial Day"),
        *("Juneteenth", "Independence Day", "Labor Day", "Thanksgiving Day", "Christmas Day"),
    ]
    assert us.get(date="2025-01-09").name == "Day of mourning for President Carter"
    early = models.ExchangeSession.objects.filter(exchange="US", date__year=2026, kind="early_close")
    assert [row.date.isoformat() for row in early] == ["2026-11-27", "2026-12-24"]
    entries, events = AuditEntry.objects.count(), OutboxEvent.objects.count()
    call_command("load_sessions")
    said = capsys.readouterr().out
    assert "Exchanges: 0 new; 0 rules written" in said
    assert said.count("0 written, 0 removed, 0 days left as set") == 2
    assert (AuditEntry.objects.count(), OutboxEvent.objects.count()) == (entries, events)


def test_the_library_is_not_asked_beyond_what_it_knows():
    services.exchanges_seed()
    for call in (
        lambda: services.calendar_load(exchange="NSE", first=date(2026, 1, 1), last=date(2027, 1, 1)),
        lambda: library_sessions("XBOM", date(2026, 1, 1), date(2027, 6, 30)),
    ):
        with pytest.raises(Invalid) as refused:
            call()
        assert refused.value.code == "calendar_unknown"
    with pytest.raises(Invalid, match="no calendar of SIMX"):
        services.calendar_load(exchange="SIMX", first=date(2026, 1, 1), last=date(2026, 1, 2))
    with pytest.raises(Invalid, match="60 years"):
        services.calendar_load(exchange="US", first=date(2026, 1, 2), last=date(2026, 1, 1))
    with pytest.raises(NotFound):
        services.calendar_load(exchange="XXX", first=date(2026, 1, 1), last=date(2026, 1, 2))


def test_where_the_library_and_the_official_list_differ_the_list_holds(monkeypatch):
    official = {day: name for day, name in INDIA_2026.items() if day != date(2026, 3, 3)}
    official[date(2026, 3, 4)] = "Holi"
    monkeypatch.setattr(calendars, "OFFICIAL", {"NSE": {2026: official}})
    done = calendars_loaded("NSE")[0]
    assert done.differences == (
        "2026-03-03: only the library says that NSE is closed",
        "2026-03-04: only the official list says that NSE is closed",
    )
    assert selectors.session_on("NSE", date(2026, 3, 3)).opens_at == utc("2026-03-03T03:45")
    assert selectors.market_status("NSE", utc("2026-03-04T05:00")).reason == "Holiday: Holi."


def test_days_between_loads_are_not_taken_for_known():
    services.exchanges_seed()
    services.calendar_load(exchange="US", first=date(2024, 1, 1), last=date(2024, 12, 31))
    with pytest.raises(Conflict) as refused:
        services.calendar_load(exchange="NYSE", first=date(2026, 1, 1), last=date(2026, 12, 31))
    assert refused.value.code == "calendar_gap"
    assert not models.ExchangeSession.objects.filter(date__year=2026).exists()
    services.calendar_load(exchange="US", first=date(2025, 1, 1), last=date(2025, 12, 31))
    row = models.CalendarRange.objects.get(exchange="US")
    assert (row.first, row.last) == (date(2024, 1, 1), date(2025, 12, 31))


def test_an_operators_list_of_the_next_year(tmp_path):
    calendars_loaded("NSE")
    assert not selectors.market_status("NSE", utc("2027-01-04T05:00")).is_loaded
    done = listed(tmp_path, HEADER + INDIA_2027 + MORE_2027, exchange="BSE")
    assert (done.exchange, done.first, done.last, done.holidays) == ("NSE", date(2027, 1, 1), date(2027, 12, 31), 5)
    assert done.sessions == 261 - 5
    status = selectors.market_status("NSE", utc("2027-01-04T05:00"), segment="derivatives")
    assert (status.is_open, status.closes_at) == (True, utc("2027-01-04T09:45"))
    assert selectors.market_status("BSE", utc("2027-03-22T05:00")).reason == "Holiday: Holi."
    assert selectors.session_on("NSE", date(2027, 12, 31)).kind == "early_close"
    muhurat = selectors.session_on("NSE", date(2027, 10, 29))
    assert (muhurat.kind, muhurat.opens_at.astimezone(KOLKATA).time()) == ("special", time(18))
    assert models.CalendarRange.objects.get(exchange="NSE").last == date(2027, 12, 31)
    services.holiday_set(actor=None, exchange="NSE", day=date(2027, 5, 3), name="Election", reason="Notice")
    mended = listed(tmp_path, HEADER + INDIA_2027.replace("03-22", "03-23") + MORE_2027)
    assert (mended.written, mended.kept) == (260, (date(2027, 5, 3),))  # all rows name the newer file
    assert selectors.market_status("NSE", utc("2027-03-22T05:00")).is_open
    assert selectors.market_status("NSE", utc("2027-05-03T05:00")).reason == "Holiday: Election."
    reloaded = services.calendar_load(exchange="NSE", first=date(2026, 1, 1), last=date(2026, 12, 31))
    assert (reloaded.written, models.CalendarRange.objects.get(exchange="NSE").last) == (0, date(2027, 12, 31))


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("", "no_rows"),
        ("2027-01-26,Republic Day,,\n", "list_incomplete"),
        (INDIA_2027 + "2028-01-26,Republic Day,,\n", "list_incomplete"),
        (INDIA_2027 + "2040-01-26,Republic Day,,\n", "too_many_years"),
        (INDIA_2027 + "2027-01-26,Again,,\n", "bad_rows"),
        (INDIA_2027 + "2027-13-26,No such month,,\n", "bad_rows"),
        (INDIA_2027 + "2027-10-29,,18:00,19:00\n", "bad_rows"),
        (INDIA_2027 + "2027-10-29,Half,18:00,\n", "bad_rows"),
        (INDIA_2027 + "2027-10-29,Turned,19:00,18:00\n", "bad_rows"),
        (INDIA_2027 + "2027-10-29,Words,evening,19:00\n", "bad_rows"),
        ("".join(f"20{year}-01-{day:02},x,,\n" for year in range(10, 50) for day in range(1, 29)), "too_many_rows"),
    ],
)
def test_bad_lists(rows, code):
    with pytest.raises(Invalid) as refused:
        years_of(csv_days(HEADER + rows))
    assert refused.value.code == code


def test_a_list_without_hours_to_go_by(tmp_path):
    services.exchanges_seed()
    models.Exchange.objects.create(code="LSE", name="London", country="GB", zone="Europe/London", currency="GBP")
    selectors.sessions_forget()
    rows = HEADER + INDIA_2027 + MORE_2027
    with pytest.raises(Invalid) as refused:
        listed(tmp_path, rows, exchange="LSE")
    assert refused.value.code == "no_hours"
    with pytest.raises(Invalid) as refused:
        listed(tmp_path, rows, exchange="SIMX")
    assert refused.value.code == "always_open"
    models.SessionPhase.objects.create(
        exchange_id="LSE", kind="continuous", starts=time(8), ends=time(16, 30), valid_from="2020-01-01", source="x"
    )
    listed(tmp_path, rows, exchange="LSE")
    status = selectors.market_status("LSE", utc("2027-07-01T07:00"))
    assert (status.is_open, status.next_close) == (True, utc("2027-07-01T15:30"))


def test_the_command_with_a_list(tmp_path, capsys):
    calendars_loaded("NSE")
    path = tmp_path / "list.csv"
    path.write_text(HEADER + INDIA_2027 + MORE_2027)
    call_command("load_sessions", "--exchange", "nse", "--csv", str(path))
    assert "NSE: 2027-01-01 to 2027-12-31, 256 sessions, 5 holidays" in capsys.readouterr().out
    path.write_text(HEADER + INDIA_2027 + "tomorrow,x,,\n")
    with pytest.raises(CommandError, match="bad_rows"):
        call_command("load_sessions", "--exchange", "NSE", "--csv", str(path))
    assert "row 6" in capsys.readouterr().err
    with pytest.raises(CommandError, match="needs --exchange"):
        call_command("load_sessions", "--csv", str(path))
    with pytest.raises(CommandError, match="unknown_exchange"):
        call_command("load_sessions", "--exchange", "LSE")


def test_what_an_operator_set_survives_a_reload():
    calendars_loaded("US")
    days = {day: date(2026, 3, day) for day in (9, 10, 14)}
    services.session_remove(actor=None, exchange="US", day=days[9], reason="Storm")
    hours = [utc("2026-03-10T13:30"), utc("2026-03-10T15:00")]
    services.session_set(
        actor=None, exchange="NYSE", day=days[10], opens_at=hours[0], closes_at=hours[1], reason="Storm"
    )
    saturday = [utc("2026-03-14T14:00"), utc("2026-03-14T15:00")]
    services.session_set(
        actor=None,
        exchange="US",
        day=days[14],
        opens_at=saturday[0],
        closes_at=saturday[1],
        reason="Test",
        note="Drill",
    )
    done = services.calendar_load(exchange="US", first=date(2026, 1, 1), last=date(2026, 12, 31))
    assert (done.written, done.removed, done.kept) == (0, 0, tuple(days.values()))
    assert selectors.market_status("US", utc("2026-03-09T15:00")).reason == "Holiday: Storm."
    assert selectors.session_on("US", days[10]).kind == "early_close"
    assert selectors.session_on("US", days[14]).note == "Drill"
    assert list(AuditEntry.objects.filter(subject_type="session").values_list("action", "subject_id", "reason")) == [
        ("holiday.set", "US 2026-03-09", "Storm"),
        ("session.set", "US 2026-03-10", "Storm"),
        ("session.set", "US 2026-03-14", "Test"),
    ]
    assert OutboxEvent.objects.filter(topic="marketdata.calendar_changed", aggregate="exchange:US").count() == 4


def test_rules_that_an_operator_changed_survive_a_reload():
    services.exchanges_seed()
    phase = models.SessionPhase.objects.get(exchange="NSE", kind="post_close", valid_from=known.CAS_FROM)
    phase.ends = time(16, 10)
    services.rule_save(actor=None, row=phase, is_new=False, reason="Circular")
    models.Exchange.objects.filter(code="US").update(name="America")
    models.MarketPolicy.objects.filter(exchange="US").update(allows_money=False)
    models.SessionPhase.objects.filter(exchange="US", kind="continuous").update(
        starts=time(10)
    )  # not said to be theirs
    models.TickSizeRule.objects.create(
        exchange_id="US", price_from=1, tick_size="0.005", valid_from="2027-11-01", source="operator: Ann"
    )
    done = services.exchanges_seed()
    assert done.kept == ("session phase: NSE post_close", "tick size rule: US")
    assert models.SessionPhase.objects.get(pk=phase.pk).ends == time(16, 10)
    assert models.SessionPhase.objects.get(pk=phase.pk).source == "operator: the operator"
    assert models.SessionPhase.objects.get(exchange="US", kind="continuous").starts == time(9, 30)
    assert models.Exchange.objects.get(code="US").name == "America"
    assert not models.MarketPolicy.objects.get(exchange="US").allows_money
    assert models.TickSizeRule.objects.filter(exchange="US").count() == 3
    with pytest.raises(Invalid):
        services.rule_save(actor=None, row=phase, is_new=False, reason=" ")
    assert AuditEntry.objects.get(action="sessionphase.save").before["ends"] == "16:00:00"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reason": " "}, "reason_needed"),
        ({"closes_at": utc("2026-03-09T13:30")}, "bad_hours"),
        ({"closes_at": utc("2026-03-11T13:30")}, "bad_hours"),
        ({"opens_at": utc("2026-03-09T02:00")}, "bad_hours"),  # still Sunday in New York
        ({"opens_at": datetime(2026, 3, 9, 13, 30)}, "bad_request"),  # noqa: DTZ001
        ({"kind": "odd"}, "bad_request"),
        ({"exchange": "SIMX"}, "always_open"),
        ({"exchange": "NSE"}, "calendar_not_loaded"),
        ({"exchange": "XXX"}, "unknown_exchange"),
    ],
)
def test_sessions_that_cannot_be(change, code):
    calendars_loaded("US")
    given = {"exchange": "US", "opens_at": utc("2026-03-09T13:30"), "closes_at": utc("2026-03-09T15:00"), "reason": "x"}
    given = {**given, **change}
    if change.get("exchange") == "NSE":
        given.update(opens_at=utc("2026-03-09T04:00"), closes_at=utc("2026-03-09T05:00"))
    with pytest.raises((Invalid, Conflict, NotFound)) as refused:
        services.session_set(actor=None, day=date(2026, 3, 9), **given)
    assert refused.value.code == code
    assert selectors.session_on("US", date(2026, 3, 9)).kind == "regular"


def test_days_and_halts_that_cannot_be():
    calendars_loaded("US")
    noon = utc("2026-03-09T16:00")
    begin = {"actor": None, "exchange": "US", "reason": "x"}
    halt = services.halt_begin(**begin, starts_at=noon)
    later = {"starts_at": noon.replace(hour=18), "ends_at": noon.replace(hour=19)}
    for call, code in (
        (lambda: services.session_remove(actor=None, exchange="US", day=date(2026, 3, 8), reason="x"), "no_session"),
        (
            lambda: services.holiday_set(actor=None, exchange="US", day=date(2026, 3, 9), name=" ", reason="x"),
            "bad_request",
        ),
        (lambda: services.halt_begin(**begin, starts_at=noon, ends_at=noon), "bad_hours"),
        (lambda: services.halt_begin(**begin, kind="odd"), "bad_request"),
        (lambda: services.halt_begin(**begin, instrument_id=10**9), "unknown_instrument"),
        (lambda: services.halt_begin(**begin, **later), "already_halted"),
        (lambda: services.halt_begin(**{**begin, "reason": ""}), "reason_needed"),
        (lambda: services.halt_end(actor=None, halt_id=10**9, reason="x"), "unknown_halt"),
    ):
        with pytest.raises((Invalid, Conflict, NotFound)) as refused:
            call()
        assert refused.value.code == code
    services.halt_begin(**begin, starts_at=noon.replace(hour=14), ends_at=noon)
    services.halt_begin(**begin, **later, instrument_id=InstrumentFactory().pk)
    services.halt_end(actor=None, halt_id=halt, reason="Mended", at=noon.replace(minute=5))
    with pytest.raises(Conflict) as refused:
        services.halt_end(actor=None, halt_id=halt, reason="Mended", at=noon.replace(minute=6))
    assert refused.value.code == "halt_over"
    said = AuditEntry.objects.get(action="exchange_halt.end")
    assert (said.before["ends_at"], said.after["ends_at"]) == (None, "2026-03-09T16:05:00+00:00")
    topics = (
        OutboxEvent.objects.filter(topic__startswith="marketdata.exchange_")
        .order_by("pk")
        .values_list("topic", flat=True)
    )
    assert list(topics) == [*["marketdata.exchange_halted"] * 3, "marketdata.exchange_resumed"]


def test_alerts_once_a_day(caplog):
    calendars_loaded("US", "NSE")

    def told(text):
        return [alert.message for alert in services.calendar_alerts_check(now=utc(text))]

    assert told("2026-11-15T18:00") == []
    assert told("2026-11-15T18:30") == ["The calendar of NSE ends on 2026-12-31, in 45 days."]  # midnight in India
    assert told("2026-11-16T18:00") == []
    assert told("2026-11-16T19:00") == ["The calendar of NSE ends on 2026-12-31, in 44 days."]
    assert told("2027-01-02T00:00") == ["The calendar of NSE ended on 2026-12-31: it counts as closed."]
    models.CalendarRange.objects.filter(exchange="US").delete()
    assert told("2026-06-01T12:00") == ["No calendar of US is loaded: it counts as closed."]
    event = models.FeedEvent.objects.filter(message__startswith="The calendar of NSE").last()
    assert event.kind == "alert"
    assert event.details == {"calendar": "NSE", "date": "2026-11-16", "last": "2026-12-31"}
    assert "calendar ends" in caplog.text
    before = models.FeedEvent.objects.count()
    calendar_alerts()
    calendar_alerts()
    assert models.FeedEvent.objects.count() - before in {1, 2}  # US, and NSE by what day it is


def test_names_of_holidays():
    names = {
        ("US", "2021-12-31"): "Exchange holiday",  # a Saturday New Year is not kept on the Friday before
        ("US", "2023-01-02"): "New Year's Day",
        ("US", "2020-07-03"): "Independence Day",
        ("US", "2022-06-20"): "Juneteenth",
        ("US", "2012-10-29"): "Hurricane Sandy",
        ("IN", "2025-08-15"): "Independence Day",
        ("IN", "2024-11-01"): "Exchange holiday",
        ("IN", "2025-04-18"): "Good Friday",
        ("GB", "2025-12-26"): "Exchange holiday",
    }
    assert {key: holiday_name(key[0], date.fromisoformat(key[1])) for key in names} == names


def test_while_the_market_is_open_nobody_needs_the_library():
    code = (
        "import django, sys; django.setup(); import marketdata.selectors.sessions, marketdata.services.sessions, "
        "marketdata.tasks; print(sorted({'pandas', 'exchange_calendars'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip().endswith("[]")
