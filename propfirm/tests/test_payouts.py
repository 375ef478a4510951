"""Payouts of profit: who may ask, what leaves the account, who decides, and what arrives."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Notification
from accounts.tests.factories import UserFactory
from core.errors import Conflict, Denied, Forbidden, Invalid, NotFound
from core.models import Journal
from core.services.books import verify
from core.tests.threads import race
from marketdata.tests.factories import advance
from payments.adapters.sandbox import payouts as sandbox
from payments.models import Payee, Payout, PayoutStep
from payments.selectors.books import balance_of
from payments.selectors.payouts import owed_to
from payments.services.payout_sending import payouts_send_due
from payments.services.sandbox import events_deliver
from payments.tests.factories_payouts import finance, known, payable
from propfirm.models import PropActivity, PropCertificate, PropPayout
from propfirm.services.payout_lines import HOLD, payout_lines
from propfirm.services.payouts import (
    payout_approve,
    payout_cancel,
    payout_paid_in_tx,
    payout_reject,
    payout_request,
    payout_review,
)
from propfirm.tests import factories as make
from trading.domain.rules import verify as prove
from trading.models import Account, AccountRules, Fill, Verdict
from trading.services.rules import rules_evaluate
from trading.tests.factories import actor
from trading.tests.ruled import tick

pytestmark = pytest.mark.django_db

RISE = {"AAA": [(100, 100, 100, 100), (104, 104, 104, 104), (104, 104, 104, 104), (104,) * 4, (104,) * 4]}
REFUND = {"kind": "second_chance", "refund_fee_with_payout": 1}


def funded(*, profit=True, user=None, rules=(), **payout):
    """A funded account of 100,000.00, flat, 4,000.00 in profit unless told otherwise; market, account, its owner."""
    market = make.market(RISE)
    rule = {**make.PAYOUT, **payout}
    plan = make.plan(market, steps="instant", funded=[make.DAILY, make.MOST, rule, *rules])
    account, who = make.prop_account(plan, user or payable(0))
    if profit:
        make.trade(account, who, "buy", 1000)
        advance(market.id, 4)
        make.trade(account, who, "sell", 1000)
    return market, account, who


def ask(account, who, minor=None, key="k"):
    return payout_request(actor=who, number=account.number, amount_minor=minor, idempotency_key=key)


def trading(account):
    return Account.objects.get(pk=make.phase_of(account).trading_account_id)


def approve(payout, note="Looked at it all."):
    first, second = finance()
    payout_review(actor=first, payout_id=payout.pk)
    return payout_approve(actor=second, payout_id=payout.pk, note=note)


def sound():
    found = verify()
    assert found.is_sound, found.outcomes


def test_asked_for_approved_and_paid_to_the_minor_unit():
    _, account, who = funded(split_percent="82.5", rules=[REFUND])
    payout = ask(account, who, 100_001)
    # 82.5 % of 1,000.01 is 825.00825: half-even, and the firm has the rest.
    assert (payout.gross_minor, payout.trader_minor, payout.firm_minor) == (100_001, 82_501, 17_500)
    assert payout.refund_minor == 10_000
    assert (trading(account).status, trading(account).lock_reason) == ("locked", HOLD)
    assert make.trade(account, who, "buy", 1).status == "denied"
    done = approve(payout)
    assert (done.status, done.removed_minor) == ("approved", 100_001)
    assert trading(account).status == "active"
    assert trading(account).cash_minor == 10_400_000 - 100_001
    assert balance_of("costs:payouts", "USD") == 82_501
    assert (owed_to(who.user_id)[0].available_minor, owed_to(who.user_id)[0].reserved_minor) == (0, 82_501)
    assert (done.payout.reviewed_by_id, done.payout.approved_by_id) == (done.reviewed_by_id, done.approved_by_id)
    assert [step.status for step in PayoutStep.objects.order_by("pk")] == ["requested", "reviewed", "approved"]
    assert payouts_send_due() == 0  # held as any other
    Payout.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert payouts_send_due() == 1
    sandbox.advance(Payout.objects.get().ref)
    sandbox.advance(Payout.objects.get().ref)
    events_deliver()
    assert Payout.objects.get().status == "paid"
    assert balance_of("clearing:sandbox", "USD") == 10_000 - 82_501
    sound()
    for _ in range(2):
        payout_paid_in_tx({"payout_id": done.payout_id, "user_id": who.user_id, "status": "paid"})
    assert PropCertificate.objects.get(kind="payout").figures["trader_minor"] == 82_501
    kinds = PropActivity.objects.filter(kind__startswith="payout_").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["payout_requested", "payout_reviewed", "payout_approved", "payout_paid"]
    assert Notification.objects.filter(kind="prop_payout").count() == 4


def test_the_share_rises_and_the_buffer_and_the_cap_hold():
    steps = [{"after": 1, "percent": "90"}]
    _, account, who = funded(
        split_steps=steps, buffer={"basis": "fixed", "value": "1000"}, cap={"basis": "fixed", "value": "1500"}
    )
    first = approve(ask(account, who))
    assert (first.gross_minor, first.trader_minor) == (150_000, 120_000)
    purse = payout_lines(account).purse
    assert (purse.profit_minor, purse.kept_minor, purse.cap_minor) == (250_000, 100_000, 150_000)
    second = approve(ask(account, who, key="2"))
    assert (second.gross_minor, second.trader_minor, second.split_percent) == (150_000, 135_000, 90)
    # 1,000.00 is left, which is the buffer.
    with pytest.raises(Denied):
        ask(account, who, key="3")
    assert trading(account).cash_minor == 10_100_000
    sound()


def test_where_the_balance_is_reset_all_profit_leaves():
    _, account, who = funded(after="reset", cap={"basis": "profit", "value": "50"})
    payout = approve(ask(account, who))
    assert (payout.gross_minor, payout.trader_minor, payout.removed_minor) == (200_000, 160_000, 400_000)
    assert trading(account).cash_minor == 10_000_000
    sound()


def test_what_is_missing_is_said_line_by_line_and_kept():
    user = UserFactory()
    _, account, who = funded(user=user, profit=False)
    found = payout_lines(account)
    assert not found.is_eligible
    said = {line.url for line in found.lines if not line.is_met}
    assert {"/payouts/payee", "/settings/identity"} <= said
    with pytest.raises(Forbidden) as refused:
        ask(account, who)
    assert refused.value.code == "identity_needed"
    known(user)
    for _ in range(2):  # the same key: the same answer, and no second verdict
        with pytest.raises(Denied) as denied:
            ask(account, who)
        assert denied.value.code == "payout_not_eligible"
    assert [line["is_met"] for line in denied.value.details["lines"]].count(False) >= 3
    verdict = Verdict.objects.get()
    assert verdict.kind == "ineligible"
    assert denied.value.details["verdict_id"] == verdict.pk
    assert prove({name: getattr(verdict, name) for name in ("kind", "rule_key", "code", "message", "evidence")}).ok
    assert trading(account).status == "active"
    assert not PropPayout.objects.exists()


def test_more_than_the_profit_is_refused_with_what_there_is():
    _, account, who = funded()
    with pytest.raises(Denied) as denied:
        ask(account, who, 400_001)
    assert (denied.value.code, denied.value.details["available_minor"]) == ("payout_too_large", 400_000)
    with pytest.raises(Invalid):
        ask(account, who, 0, key="2")
    assert ask(account, who, 400_000, key="3").gross_minor == 400_000


def test_a_second_one_and_a_stranger_are_refused():
    _, account, who = funded()
    payout = ask(account, who, 1_000)
    assert ask(account, who, 1_000) == payout
    with pytest.raises(Conflict):
        ask(account, who, 2_000)  # the same key, another amount
    with pytest.raises(Denied):
        ask(account, who, 1_000, key="other")
    with pytest.raises(NotFound):
        ask(account, actor(payable(0)), key="x")
    with pytest.raises(NotFound):
        payout_cancel(actor=actor(UserFactory()), public_id=payout.public_id)


def test_two_people_decide_and_never_the_trader():
    user = payable(0)
    _, account, who = funded(user=user)
    payout = ask(account, who)
    assert "first payout of profit" in payout.flags
    first, second = finance()
    user.role = "finance"
    user.save()
    for act in (
        lambda: payout_review(actor=user, payout_id=payout.pk),
        lambda: payout_review(actor=UserFactory(role="moderator"), payout_id=payout.pk),
    ):
        with pytest.raises(Forbidden):
            act()
    with pytest.raises(Conflict):
        payout_approve(actor=second, payout_id=payout.pk, note="Too early.")
    payout_review(actor=first, payout_id=payout.pk)
    with pytest.raises(Forbidden) as refused:
        payout_approve(actor=first, payout_id=payout.pk, note="Me again.")
    assert refused.value.code == "second_person_needed"
    with pytest.raises(Invalid):
        payout_approve(actor=second, payout_id=payout.pk)
    with pytest.raises(Forbidden):
        payout_approve(actor=user, payout_id=payout.pk, note="My own.")
    payout_approve(actor=second, payout_id=payout.pk, note="Known trader.")
    with pytest.raises(Conflict):
        payout_approve(actor=second, payout_id=payout.pk, note="Again.")
    assert Journal.objects.filter(reference__contains=str(payout.public_id)).count() == 2
    assert Payout.objects.count() == 1
    sound()


@pytest.mark.parametrize("way", ["reject", "cancel"])
def test_what_is_not_paid_moves_nothing_and_the_account_trades_on(way):
    _, account, who = funded()
    payout = ask(account, who)
    before = Journal.objects.count()
    if way == "cancel":
        payout_cancel(actor=who, public_id=payout.public_id)
    else:
        with pytest.raises(Invalid):
            payout_reject(actor=finance()[0], payout_id=payout.pk, reason=" ")
        payout_reject(actor=finance()[0], payout_id=payout.pk, reason="Send the missing letter.")
        assert "missing letter" in Notification.objects.filter(kind="prop_payout").order_by("pk").last().body
    assert trading(account).status == "active"
    assert (Journal.objects.count(), Payout.objects.count(), balance_of("costs:payouts", "USD")) == (before, 0, 0)
    assert make.trade(account, who, "buy", 1).status == "filled"
    with pytest.raises(Conflict):
        payout_cancel(actor=who, public_id=payout.public_id)


def test_a_payout_of_an_account_that_failed_meanwhile_is_not_paid_nor_unlocked():
    _, account, who = funded()
    payout = ask(account, who)
    AccountRules.objects.filter(pk=trading(account).pk).update(status="failed")
    with pytest.raises(Conflict) as refused:
        approve(payout)
    assert refused.value.code == "account_failed"
    assert (Payout.objects.count(), balance_of("costs:payouts", "USD")) == (0, 0)
    row = AccountRules.objects.get(pk=trading(account).pk)
    row.state |= {"closed_by": "max_loss", "closed_as": "failed"}
    row.save()
    payout_cancel(actor=who, public_id=payout.public_id)
    assert trading(account).status == "locked"


def test_time_that_runs_out_while_people_look_takes_no_payout_away():
    market, account, who = funded(rules=[{"kind": "time_limit", "days": 2}])
    payout = ask(account, who)
    advance(market.id, 12)
    rules_evaluate(trading(account).pk, tick(market))
    make.deliver()
    account.refresh_from_db()
    assert account.status == "expired"
    done = approve(payout)
    assert (done.status, done.payout.amount_minor) == ("approved", payout.trader_minor)
    assert trading(account).status != "active"
    sound()


def test_payments_may_have_something_against_it_and_then_nothing_has_changed():
    _, account, who = funded()
    payout = ask(account, who)
    Payee.objects.update(is_ready=False)
    with pytest.raises(Conflict) as refused:
        approve(payout)
    assert refused.value.code == "payee_not_ready"
    payout.refresh_from_db()
    assert (payout.status, trading(account).cash_minor) == ("reviewed", 10_400_000)
    Payee.objects.update(is_ready=True)
    payout_approve(actor=finance()[0], payout_id=payout.pk, note="Ready again.")
    sound()


def test_what_payments_cannot_send_is_owed_and_said():
    _, account, who = funded(user=payable(0, digits="0000"))
    payout = approve(ask(account, who))
    Payout.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    payouts_send_due()
    for _ in range(2):
        sandbox.advance(Payout.objects.get().ref)
        events_deliver()
    assert Payout.objects.get().status == "failed"
    payout_paid_in_tx({"payout_id": payout.payout_id, "user_id": who.user_id, "status": "failed"})
    assert owed_to(who.user_id)[0].available_minor == payout.trader_minor
    assert not PropCertificate.objects.filter(kind="payout").exists()
    assert PropActivity.objects.filter(kind="payout_failed").exists()
    payout_paid_in_tx({"payout_id": 0, "user_id": 1, "status": "paid"})  # not of the firm
    sound()


def test_pages_and_api():
    _, account, _ = funded(rules=[REFUND])
    url = f"/prop-firm/accounts/{account.number}/payouts"
    page = Client()
    page.force_login(account.owner)
    text = page.get(url).content.decode()
    assert "You may ask for a payout" in text
    assert "3,200.00" in text
    assert page.post(f"{url}/request", {"amount": "99999", "idempotency_key": "a"}).status_code == 422
    assert page.post(f"{url}/request", {"amount": "1,000", "idempotency_key": "b"}).status_code == 302
    payout = PropPayout.objects.get()
    assert payout.gross_minor == 100_000
    assert "Take it back" in page.get(url).content.decode()
    other = Client()
    other.force_login(UserFactory())
    assert other.get(url).status_code == 404
    assert other.post(f"{url}/request", {"amount": "1", "idempotency_key": "b"}).status_code == 404
    assert other.post(f"{url}/{payout.public_id}/cancel").status_code == 404
    assert page.post(f"{url}/{payout.public_id}/cancel").status_code == 302
    api = APIClient()
    api.force_authenticate(account.owner)
    base = f"/api/v1{url}"
    found = api.get(f"{base}/eligibility").json()
    assert (found["is_eligible"], found["purse"]["trader"], found["purse"]["refund"]) == (True, "3200.00", "100.00")
    made = api.post(base, {"amount": "500.00"}, format="json", headers={"Idempotency-Key": "c"})
    assert (made.status_code, made.json()["trader"]) == (201, "400.00")
    assert api.post(base, {}, format="json").status_code == 400  # without a key
    again = api.post(base, {}, format="json", headers={"Idempotency-Key": "d"})
    assert (again.status_code, again.json()["code"]) == (422, "payout_not_eligible")
    rows = api.get("/api/v1/prop-firm/payouts").json()["results"]
    assert [row["status"] for row in rows] == ["requested", "cancelled"]
    assert [step["status"] for step in rows[1]["steps"]] == ["requested", "cancelled"]
    assert api.get(base).json()["total"] == 2
    assert api.post(f"{base}/{rows[0]['public_id']}/cancel").json()["status"] == "cancelled"
    api.force_authenticate(UserFactory())
    assert api.get(f"{base}/eligibility").status_code == 404
    assert APIClient().get("/api/v1/prop-firm/payouts").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_and_an_order_beside_them():
    market, account, who = funded()
    phase = make.phase_of(account)
    before = Fill.objects.count()

    def act(index):
        if index == 4:
            return make.trade(account, who, "buy", 10)
        return ask(account, who, 50_000, key="same" if index < 2 else f"k{index}")

    found = race(5, act)
    made = [one for one in found if isinstance(one, PropPayout)]
    refused = [one for one in found[:4] if isinstance(one, Exception)]
    assert all(isinstance(one, Denied) for one in refused), refused
    if Fill.objects.count() > before:
        # The order was first: nobody is paid while something is held.
        assert made == []
        assert trading(account).status == "active"
    else:
        assert len({one.pk for one in made}) == 1
        assert found[4].status == "denied"
    assert PropPayout.objects.filter(phase=phase).count() == len({one.pk for one in made})
    if not made:
        make.trade(account, who, "sell", 10)
        advance(market.id, 1)
        made = [ask(account, who, 50_000, key="after")]
    first, *others = [*finance(), *finance()]
    payout_review(actor=first, payout_id=made[0].pk)
    done = race(3, lambda index: payout_approve(actor=others[index], payout_id=made[0].pk, note="Fine."))
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "Conflict", "PropPayout"]
    assert balance_of("costs:payouts", "USD") == made[0].trader_minor
    sound()
