"""The organiser's side: a dry run stores nothing, what may change changes until it may not, messages, people, desk."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import Notification
from accounts.tests.factories import UserFactory
from contests.domain.sharing import Sharing
from contests.domain.stakes import Stakes
from contests.models import Broadcast, Certificate, Contest, ContestTemplate, Participant
from contests.services.broadcasts import broadcast_send
from contests.services.certificates import certificate_issue
from contests.services.closing import contest_end
from contests.services.contests import contest_start
from contests.services.drafting import contest_edit, contest_preview
from contests.services.templates import templates_run
from contests.tests.factories import OPERATOR, bars_load, contest, deliver, joined, spec
from contests.tests.test_web import signed_in
from core.errors import Conflict, DomainError, Invalid
from core.models import AuditEntry, OutboxEvent
from marketdata.models import Market
from marketdata.services.ticks import market_step
from trading.models import AccountGroup
from trading.tests.factories import actor, place, user

pytestmark = pytest.mark.django_db(transaction=True)


def code_of(act, *arguments, **keywords):
    with pytest.raises(DomainError) as caught:
        act(*arguments, **keywords)
    return caught.value.code


def operator():
    return signed_in(is_staff=True, role="moderator")


def test_a_dry_run_checks_everything_and_stores_nothing():
    asked = spec(slug="dry")
    found = contest_preview(actor=OPERATOR, spec=asked)
    assert (found.contest.slug, found.symbols, found.days) == ("dry", ("AAA", "BBB"), 5)
    assert found.ticks == 20
    assert found.last_at > found.first_at
    for model in (Contest, Market, AccountGroup, OutboxEvent, AuditEntry):
        assert not model.objects.exists(), model
    assert contest_preview(actor=OPERATOR, spec=asked).contest.slug == "dry"


def test_a_dry_run_refuses_what_creating_would():
    prizes = {"currency": "USD", "prizes": [{"first": 1, "share_bp": 6_000}, {"first": 2, "share_bp": 6_000}]}
    assert code_of(Stakes.from_json, prizes) == "invalid_stakes"
    contest(slug="taken")
    assert code_of(contest_preview, actor=OPERATOR, spec=spec(slug="taken")) == "contest_exists"
    assert code_of(contest_preview, actor=OPERATOR, spec=spec(slug="new")) == "invalid_contest"
    assert code_of(contest_preview, actor=OPERATOR, spec=spec(scoring="luck")) == "invalid_contest"
    bad = ({"name": "X", "url": "javascript:alert(1)"},)
    assert code_of(contest_preview, actor=OPERATOR, spec=spec(sponsors=bad)) == "invalid_contest"


def test_what_everyone_joined_on_never_changes():
    view = contest(started=False)
    for name in ("initial_balance_minor", "constraints", "stakes", "scoring", "status", "market"):
        with pytest.raises(Invalid) as caught:
            contest_edit(actor=OPERATOR, contest_id=view.id, changes={name: 1})
        assert (caught.value.code, caught.value.details["field"]) == ("definition_fixed", name)


def test_the_window_and_the_places_change_until_it_starts():
    view = contest(started=False, capacity=5)
    for _ in range(2):
        joined(view)
    later = datetime.now(tz=UTC) + timedelta(days=2)
    changes = {"name": "Renamed", "capacity": 2, "starts_at": later, "ends_at": later + timedelta(days=3)}
    edited = contest_edit(actor=OPERATOR, contest_id=view.id, changes=changes)
    assert (edited.name, edited.capacity, edited.starts_at) == ("Renamed", 2, later)
    assert AuditEntry.objects.get(action="contest.edit").before["capacity"] == 5
    assert edited.definition_hash == view.definition_hash
    assert code_of(contest_edit, actor=OPERATOR, contest_id=view.id, changes={"capacity": 1}) == "below_taken"
    too_long = {"ends_at": later + timedelta(days=91)}
    assert code_of(contest_edit, actor=OPERATOR, contest_id=view.id, changes=too_long) == "invalid_contest"
    contest_start(actor=OPERATOR, contest_id=view.id)
    for name, value in (("capacity", 9), ("name", "Again"), ("starts_at", later), ("ends_at", later)):
        with pytest.raises(Conflict) as caught:
            contest_edit(actor=OPERATOR, contest_id=view.id, changes={name: value})
        assert caught.value.code == "contest_started"
    words = {"description": "Now with words.", "sponsors": [{"name": "Acme", "url": "https://acme.example"}]}
    assert contest_edit(actor=OPERATOR, contest_id=view.id, changes=words).description == "Now with words."
    contest_end(actor=OPERATOR, contest_id=view.id)
    assert code_of(contest_edit, actor=OPERATOR, contest_id=view.id, changes=words) == "contest_over"


def test_a_message_reaches_everyone_once():
    view = contest()
    people = [joined(view)[1] for _ in range(3)]
    broadcast_send(actor=OPERATOR, contest_id=view.id, body="The market opens at ten.\nGood luck.")
    deliver()
    deliver()
    told = Notification.objects.filter(kind="contest_message")
    assert sorted(told.values_list("user_id", flat=True)) == sorted(who.user_id for who in people)
    assert code_of(broadcast_send, actor=OPERATOR, contest_id=view.id, body="  ") == "invalid_message"
    assert code_of(broadcast_send, actor=OPERATOR, contest_id=view.id, body="x\x00") == "invalid_message"
    for number in range(9):
        broadcast_send(actor=OPERATOR, contest_id=view.id, body=str(number))
    assert code_of(broadcast_send, actor=OPERATOR, contest_id=view.id, body="more") == "too_many_messages"


def test_the_wizard_looks_first_and_then_makes():
    client, market = operator(), bars_load()
    form = {
        "name": "Made by hand", "slug": "by-hand", "kind": "replay", "symbols": "AAA BBB", "start": market["start"],
        "end": market["end"], "prints": "4", "seconds_per_tick": "1", "seed": "0", "currency": "USD",
        "initial_balance": "1000000", "capacity": "50", "agent_interval_minutes": "10", "scoring": "calmar",
        "portfolios": "delayed", "delay_minutes": "5", "comments": "on", "late_entry": "on", "team_size": "3",
        "closing_minutes": "30", "resets": "2", "sponsors": "Acme | https://acme.example\nOther",
    }  # fmt: skip
    shown = client.post("/contests/new", {**form, "step": "preview"})
    page = shown.content.decode()
    assert shown.status_code == 200
    for words in (
        "nothing is stored yet",
        "Return over the deepest fall",
        "5 minutes later",
        "Up to 3 people",
        "30 min",
    ):
        assert words in page, words
    assert not Contest.objects.exists()
    assert client.post("/contests/new", {**form, "step": "draft"}).url == "/contests/by-hand/desk"
    made = Contest.objects.get()
    assert (made.status, made.scoring, made.constraints["resets"]) == ("draft", "calmar", 2)
    assert made.sponsors == [{"name": "Acme", "url": "https://acme.example"}, {"name": "Other"}]
    wrong = client.post("/contests/new", {**form, "step": "preview", "prizes": "1: 70%\n2: 60%"})
    assert wrong.status_code == 422
    assert "100" in wrong.content.decode()


def test_the_desk_moves_changes_and_finds_people(django_assert_max_num_queries):
    view = contest(started=False)
    joined(view, display_name="Noor Haddad")
    joined(view)
    client = operator()
    assert "Start now" in client.get(f"/contests/{view.slug}/desk").content.decode()
    client.post(f"/contests/{view.slug}/desk/start", {"reason": ""})
    assert Contest.objects.get().status == "scheduled"
    client.post(
        f"/contests/{view.slug}/desk/change", {"name": "Other", "capacity": "7", "description": "", "sponsors": ""}
    )
    assert Contest.objects.get().capacity == 7
    client.post(f"/contests/{view.slug}/desk/start", {"reason": "now"})
    assert Contest.objects.get().status == "active"
    client.post(f"/contests/{view.slug}/desk/message", {"body": "Hello."})
    assert Broadcast.objects.get().body == "Hello."
    page = client.get(f"/contests/{view.slug}/desk/people?q=noor").content.decode()
    assert "Noor Haddad" in page
    assert len(re.findall(r'<a href="/accounts/\d+">Account', page)) == 1
    for _ in range(4):
        joined(view)
    with django_assert_max_num_queries(14):
        client.get(f"/contests/{view.slug}/desk/people")
    stranger = Client()
    stranger.force_login(UserFactory())
    for path in ("desk", "desk/people"):
        assert stranger.get(f"/contests/{view.slug}/{path}").status_code == 403
    assert stranger.post(f"/contests/{view.slug}/desk/end", {"reason": "x"}).status_code == 403


def test_a_certificate_is_true_as_long_as_it_shows():
    view = contest(sharing=Sharing("live"))
    market_step(market_id=view.market_id, ticks=1)
    account, who = joined(view, display_name="Noor <b>Haddad</b>")
    _, idle = joined(view)
    place(who, account, "buy", 10)
    assert code_of(certificate_issue, actor=who, contest_id=view.id) == "contest_not_over"
    contest_end(actor=OPERATOR, contest_id=view.id)
    code = certificate_issue(actor=who, contest_id=view.id)
    assert certificate_issue(actor=who, contest_id=view.id) == code
    assert code_of(certificate_issue, actor=idle, contest_id=view.id) == "not_ranked"
    assert code_of(certificate_issue, actor=actor(user()), contest_id=view.id) == "not_in_contest"
    page = Client().get(f"/certificates/{code}").content.decode()
    assert "Noor &lt;b&gt;Haddad" in page
    assert "Rank 1 of 1" in page
    assert Client().get(f"/certificates/{code}.pdf").content.startswith(b"%PDF")
    Participant.objects.filter(account_id=account).update(status="barred")
    assert Client().get(f"/certificates/{code}").status_code == 404
    assert Client().get("/certificates/nonsense").status_code == 404
    assert Certificate.objects.count() == 1


def test_a_definition_is_kept_as_a_template():
    view = contest(started=False)
    client = operator()
    first = datetime.now(tz=UTC) + timedelta(hours=30)
    form = {"slug": "weekly", "cadence": "weekly", "zone": "Asia/Kolkata", "next_at": first.strftime("%Y-%m-%dT%H:%M")}
    client.post(f"/contests/{view.slug}/desk/template", {**form, "zone": "Nowhere/City"})
    assert not ContestTemplate.objects.exists()
    client.post(f"/contests/{view.slug}/desk/template", form)
    kept = ContestTemplate.objects.get()
    assert (kept.slug, kept.cadence, kept.zone, kept.is_active) == ("weekly", "weekly", "Asia/Kolkata", True)
    made = templates_run(at=first - timedelta(hours=20))
    again = Contest.objects.get(slug=made[0])
    assert (
        again.definition["initial_balance_minor"] == Contest.objects.get(pk=view.id).definition["initial_balance_minor"]
    )
    assert again.status == "scheduled"
