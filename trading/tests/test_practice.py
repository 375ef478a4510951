"""Practice accounts, and what a plan lets people do with them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from core.errors import DomainError, Forbidden, Unavailable
from core.throttling import register_user_rate
from marketdata.models import Market
from marketdata.tests.live import exchanges, simulated, step, tell
from payments.entitlements import api_rate
from payments.models import PlanVersion, Usage
from payments.services.plans import plan_give, plan_take_back, plans_sync
from payments.tests.factories import PlanVersionFactory
from trading.domain.types import Actor
from trading.models import Account, Order
from trading.services import practice
from trading.services.flatten import position_close
from trading.tests.factories import account, actor, place, user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def opened():
    """A running practice market with SIMA at 100, and the plans."""
    exchanges()
    stock = simulated("SIMA")[0]
    call_command("setup_practice")
    tell(stock, 100)
    step(Market.objects.get(slug=practice.SIMULATED))
    plans_sync()
    return stock


def person(**fields):
    return actor(user(**fields))


def grant(who: Actor, code: str):
    plan = PlanVersion.objects.get(code=code, is_offered=True)
    until = timezone.now() + timedelta(days=30)
    return plan_give(actor=user(), user_id=who.user_id, plan_id=plan.pk, until=until, reason="a test")


def test_one_a_person_with_the_full_balance(opened):
    who = person()
    first = practice.practice_open(actor=who)
    assert practice.practice_open(actor=who) == first
    row = Account.objects.get(pk=first)
    assert (row.purpose, row.cash_minor, row.currency) == ("practice", 100_000_000, "USD")
    assert place(who, first, "buy", 10, symbol="SIMA").status == "filled"


def test_setting_it_up_again_changes_nothing(opened, capsys):
    call_command("setup_practice")
    assert Market.objects.filter(slug__startswith="practice").count() == 1


def test_without_a_market_it_says_what_to_run():
    with pytest.raises(Unavailable) as refused:
        practice.practice_open(actor=person())
    assert refused.value.code == "practice_not_ready"


def test_nobody_without_their_onboarding(opened):
    with pytest.raises(Forbidden):
        practice.practice_open(actor=person(clearance=0))


def test_two_at_once_open_one(opened):
    who = person()

    def act(_):
        try:
            return practice.practice_open(actor=who)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(act, range(4)))
    assert len(ids) == 1
    assert Account.objects.filter(owner_id=who.user_id).count() == 1


def test_starting_afresh_keeps_the_old_one_on_record_and_ends_its_orders(opened):
    who = person()
    old = practice.practice_open(actor=who)
    grant(who, "basic")
    place(who, old, "buy", 10, symbol="SIMA")
    waits = place(who, old, "buy", 10, symbol="SIMA", limit="50")
    new = practice.practice_reset(actor=who)
    assert new != old
    assert Account.objects.get(pk=new).cash_minor == 100_000_000
    assert Account.objects.get(pk=old).status == "closed"
    assert Order.objects.get(pk=waits.id).status == "canceled"
    assert place(who, old, "buy", 1, symbol="SIMA").code == "account_not_active"


def test_four_trades_are_free_then_the_plans_are_named(opened):
    who = person()
    ident = practice.practice_open(actor=who)
    for _ in range(4):
        assert place(who, ident, "buy", 10, symbol="SIMA").status == "filled"
    with pytest.raises(DomainError) as refused:
        place(who, ident, "buy", 10, symbol="SIMA", key="fifth")
    assert (refused.value.status, refused.value.code) == (402, "plan_limit_reached")
    assert refused.value.details["buy"] == ["Basic", "Pro", "Elite", "Enterprise"]
    assert Order.objects.filter(account_id=ident).count() == 4
    # The same key works once there is a plan: nothing was stored under it.
    grant(who, "basic")
    assert place(who, ident, "buy", 10, symbol="SIMA", key="fifth").status == "filled"


def test_getting_out_is_always_free(opened):
    who = person()
    ident = practice.practice_open(actor=who)
    for _ in range(4):
        place(who, ident, "buy", 10, symbol="SIMA")
    assert place(who, ident, "sell", 5, symbol="SIMA").status == "filled"
    assert position_close(actor=who, account_id=ident, symbol="SIMA").status == "filled"
    assert Usage.objects.get(user_id=who.user_id, feature="trades").used == 4


def test_a_refused_order_and_a_repeated_one_do_not_count(opened):
    who = person()
    ident = practice.practice_open(actor=who)
    assert place(who, ident, "buy", 100_000_000, symbol="SIMA").status == "denied"
    for _ in range(3):
        place(who, ident, "buy", 10, symbol="SIMA", key="once")
    assert Usage.objects.get(user_id=who.user_id, feature="trades").used == 1


def test_sixteen_at_once_are_four(opened):
    who = person()
    ident = practice.practice_open(actor=who)

    def act(_):
        try:
            return place(who, ident, "buy", 1, symbol="SIMA").status
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(act, range(16)))
    assert outcomes == ["filled"] * 4 + ["plan_limit_reached"] * 12


def test_other_accounts_do_not_count(opened):
    ident, who = account(Market.objects.get(slug=practice.SIMULATED))
    for _ in range(6):
        assert place(who, ident, "buy", 1, symbol="SIMA").status == "filled"
    assert not Usage.objects.exists()


def test_analytics_and_statements_come_with_a_plan(opened, client):
    who = person()
    ident = practice.practice_open(actor=who)
    client.force_login(_row(who))
    for part in ("analytics", "statement"):
        answer = client.get(f"/accounts/{ident}/{part}")
        assert answer.status_code == 402
        assert b"/pricing" in answer.content
        given = grant(who, "basic")
        assert client.get(f"/accounts/{ident}/{part}").status_code == 200
        plan_take_back(actor=user(), grant_id=given.pk, reason="a test")
    for part in ("performance", "trades", "statement"):
        answer = client.get(f"/api/v1/accounts/{ident}/{part}")
        assert (answer.status_code, answer.json()["code"]) == (402, "plan_required")


def _row(who):
    from accounts.models import User

    return User.objects.get(pk=who.user_id)


def test_the_pages_lead_from_nothing_to_an_upgrade(opened, client):
    who = person()
    client.force_login(_row(who))
    page = client.get("/practice")
    assert b"4 trades here, 4 left" in page.content
    ident = int(client.post("/practice")["Location"].rsplit("/", 1)[-1])
    assert client.get("/practice")["Location"] == f"/accounts/{ident}"
    assert b"4 of 4</strong> trades" in client.get(f"/accounts/{ident}").content
    for _ in range(4):
        place(who, ident, "buy", 1, symbol="SIMA")
    order = {"symbol": "SIMA", "side": "buy", "quantity": "1", "type": "market", "idempotency_key": "k"}
    answer = client.post(f"/accounts/{ident}/orders", order, HTTP_HX_REQUEST="true")
    assert answer.status_code == 402
    assert b"See the plans" in answer.content
    assert b"are used" in client.get(f"/accounts/{ident}").content
    again = client.post("/practice/again")
    assert again.status_code == 302
    assert again["Location"] != f"/accounts/{ident}"


def test_the_api_opens_it_reads_it_and_starts_afresh(opened, client):
    who = person()
    client.force_login(_row(who))
    assert client.get("/api/v1/practice").status_code == 404
    made = client.post("/api/v1/practice").json()
    assert client.get("/api/v1/practice").json()["id"] == made["id"]
    assert client.post("/api/v1/practice/reset").json()["id"] != made["id"]


def test_api_requests_are_limited_by_the_plan_and_pages_are_not(opened, client):
    from accounts.services.tokens import tokens_issue

    who = person()
    register_user_rate(api_rate)
    PlanVersionFactory(code="tiny", limits={"api_rate": 3})
    grant(who, "tiny")
    token = tokens_issue(user=_row(who)).access
    answers = [client.get("/api/v1/accounts", headers={"Authorization": f"Bearer {token}"}) for _ in range(4)]
    client.force_login(_row(who))
    page = client.get("/api/v1/accounts")
    register_user_rate(None)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert page.status_code == 200
