"""Who is let in and until when, how many trades it takes, and the standings as a file."""

import pytest
from django.test import Client

from contests.domain.admission import Admission
from contests.domain.prize_words import prizes_read
from contests.domain.stakes import Stakes
from contests.models import Participant
from contests.selectors import standings_page
from contests.services.closing import contest_end
from contests.services.joins import contest_join
from contests.services.proof import contest_verify
from contests.tests import factories as make
from core.errors import Conflict, DomainError, Forbidden, Invalid
from marketdata.tests.factories import advance
from payments.services.checkout import purchase_begin
from trading.tests.factories import actor, place, user

pytestmark = pytest.mark.django_db(transaction=True)


def admission(**more):
    return Admission.from_json(more)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"late_entry": "no"}, "late_entry"),
        ({"email_domains": "example.com"}, "email_domains"),
        ({"email_domains": ["example"]}, "email_domains"),
        ({"email_domains": ["a..com"]}, "email_domains"),
        ({"email_domains": ["<b>.com"]}, "email_domains"),
        ({"email_domains": ["a.com"] * 51}, "email_domains"),
        ({"domains": []}, "domains"),
    ],
)
def test_what_makes_no_sense_is_refused(data, field):
    with pytest.raises(Invalid) as refused:
        Admission.from_json(data)
    assert refused.value.details["field"] == field


def test_a_domain_is_itself_and_nothing_below_it():
    found = admission(email_domains=["@Example.com ", "example.com", "example.org"])
    assert found.email_domains == ("example.com", "example.org")
    assert found.admits("Ann@EXAMPLE.com")
    assert not found.admits("ann@mail.example.com")
    assert not found.admits("ann@notexample.com")
    assert not found.admits("example.com@evil.net")
    assert admission().admits("anyone@anywhere.net")


def test_an_address_elsewhere_does_not_enter_and_does_not_pay():
    stakes = Stakes.from_json({"currency": "USD", "fee_minor": 500, "prizes": [{"first": 1, "share_bp": 10_000}]})
    view = make.contest(started=False, admission=admission(email_domains=["corp.example"]), stakes=stakes)
    stranger, member = user(), user()
    type(member).objects.filter(pk=member.pk).update(email="m@corp.example")
    with pytest.raises(Forbidden) as refused:
        purchase_begin(actor=stranger, kind="contest", reference=view.slug, idempotency_key="a")
    assert refused.value.code == "email_domain"
    member.refresh_from_db()
    assert purchase_begin(actor=member, kind="contest", reference=view.slug, idempotency_key="b").url


def test_without_late_entry_the_door_shuts_with_the_start():
    view = make.contest(admission=admission(late_entry=False))
    with pytest.raises(Conflict) as refused:
        make.joined(view)
    assert refused.value.code == "entry_closed"
    page = Client().get(f"/contests/{view.slug}").content.decode()
    assert "Until it starts" in page


def test_who_traded_too_little_is_not_ranked_and_the_proof_knows():
    view = make.contest(constraints={"min_trades": 2})
    advance(view.market_id)
    busy_id, busy = make.joined(view)
    idle_id, idle = make.joined(view)
    for _ in range(2):
        place(busy, busy_id, "buy", 1)
    place(idle, idle_id, "buy", 90)
    advance(view.market_id)
    contest_end(contest_id=view.id)
    ranks = dict(Participant.objects.values_list("account_id", "final_rank"))
    assert ranks == {busy_id: 1, idle_id: None}
    assert contest_verify(view.slug).is_equal


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1: 50%", [{"first": 1, "last": 1, "share_bp": 5_000}]),
        ("2 - 3 : 12.5% Silver", [{"first": 2, "last": 3, "share_bp": 1_250, "badge": "Silver"}]),
        ("1: 1,250.50", [{"first": 1, "last": 1, "amount_minor": 125_050}]),
        ("4-10: Finisher\n\n", [{"first": 4, "last": 10, "badge": "Finisher"}]),
    ],
)
def test_prizes_as_people_write_them(text, found):
    assert prizes_read(text, "USD") == found


@pytest.mark.parametrize("text", ["half to the first", "1 50%", "1: ", "0.5: 3%", "x: 1%"])
def test_prizes_that_cannot_be_read(text):
    with pytest.raises(Invalid):
        prizes_read(text, "USD")


def test_the_standings_as_a_file(client):
    view = make.contest()
    advance(view.market_id)
    account_id, who = make.joined(view, display_name="=cmd()")
    place(who, account_id, "buy", 1)
    advance(view.market_id)
    answer = client.get(f"/contests/{view.slug}/standings.csv")
    assert answer["Content-Type"].startswith("text/csv")
    head, row = answer.content.decode().splitlines()
    assert head.startswith("rank,name,kind,value")
    assert row.startswith("1,'=cmd(),person,")
    hidden = make.contest(visibility="private", invite_code="secret")
    assert client.get(f"/contests/{hidden.slug}/standings.csv").status_code == 404
    assert client.get(f"/contests/{hidden.slug}/standings.csv?code=secret").status_code == 200


def test_ones_own_contests_and_fees_in_the_list(client):
    mine, other = make.contest(name="Mine alone"), make.contest(name="Another one")
    stakes = Stakes.from_json({"currency": "EUR", "fee_minor": 500, "prizes": [{"first": 1, "share_bp": 10_000}]})
    make.contest(name="Costly", stakes=stakes)
    who = user()
    contest_join(actor=actor(who), contest_id=mine.id)
    client.force_login(who)
    everything = client.get("/contests").content.decode()
    assert "Enter for 5.00 EUR" in everything
    assert "100% of the pool" in everything
    page = client.get("/contests?status=mine").content.decode()
    assert "Mine alone" in page
    assert other.name not in page
    assert standings_page(mine.id).total == 1


def test_joining_twice_at_capacity_after_the_end_and_with_anothers_code_each_say_why():
    full = make.contest(capacity=1)
    make.joined(full)
    codes = []
    private, ended = make.contest(visibility="private", invite_code="right"), make.contest()
    contest_end(contest_id=ended.id)
    for view, code in ((full, ""), (private, "wrong"), (private, ""), (ended, "")):
        with pytest.raises(DomainError) as refused:
            contest_join(actor=actor(user()), contest_id=view.id, invite_code=code)
        codes.append(refused.value.code)
    assert codes == ["contest_full", "invite_code_wrong", "invite_code_needed", "contest_not_open"]
