"""The firm's operator pages: who may do what, plans made with their mistakes named, queues of two people, search."""

import json

import pytest
from django.test import Client

from accounts.services.roles import roles_sync
from accounts.tests.factories import UserFactory
from core.models import AuditEntry
from marketdata.tests.factories import advance
from payments.models import Payment
from payments.tests.factories_payouts import payable
from propfirm.models import Affiliate, PropAccount, PropCertificate, PropFinding, PropPlan
from propfirm.services.disputes import dispute_open
from propfirm.services.payouts import payout_request
from propfirm.tests import factories as make
from trading.models import Account

pytestmark = pytest.mark.django_db
BASE = "/admin/propfirm"
MODELS = (
    *("propaccount", "propplan", "proppayout", "propdispute", "propfinding", "propcertificate", "propreset"),
    *("affiliate", "referral", "economicevent"),
)
RISE = {"AAA": [(100, 100, 100, 100), (104, 104, 104, 104), (104, 104, 104, 104)]}


def staff(role="moderator"):
    """Somebody of a role, signed in; the user is its attribute."""
    user, client = UserFactory(role=role, is_staff=True), Client()
    roles_sync()
    client.force_login(user)
    client.user = user
    return client


def said(response):
    return " ".join(str(message) for message in response.context["messages"])


def act(client, model, pk, **fields):
    """Press a button of a row's page; what it says."""
    response = client.post(f"{BASE}/{model}/{pk}/change/", fields, follow=True)
    return said(response) if response.status_code == 200 else str(response.status_code)


@pytest.fixture
def failed():
    _, account, who = make.failed()
    return account, who


@pytest.fixture
def asked():
    """A payout of a funded account that was just asked for."""
    market = make.market(RISE)
    account, who = make.prop_account(make.plan(market, steps="instant"), payable(0))
    make.trade(account, who, "buy", 500)
    advance(market.id, 4)
    make.trade(account, who, "sell", 500)
    return payout_request(actor=who, number=account.number, amount_minor=None, idempotency_key="k")


def test_each_role_looks_and_nobody_writes_a_row_by_hand(asked):
    client = staff()
    finance, trader = staff("finance"), Client()
    trader.force_login(UserFactory())
    for model in MODELS:
        assert client.get(f"{BASE}/{model}/").status_code == 200, model
        assert finance.get(f"{BASE}/{model}/").status_code == 200, model
        assert trader.get(f"{BASE}/{model}/").status_code == 302, model
        assert client.get(f"{BASE}/{model}/add/").status_code == 403, model
        assert finance.get(f"{BASE}/{model}/add/").status_code == 403, model
    page = f"{BASE}/proppayout/{asked.pk}/change/"
    assert client.get(page).status_code == finance.get(page).status_code == 200
    assert client.get(f"{BASE}/proppayout/999999/change/", follow=True).status_code == 200
    assert client.get("/admin/propfirm/dashboard").status_code == 200


def test_a_moderator_approves_no_payout(asked):
    client = staff()
    assert act(client, "proppayout", asked.pk, do="review") == "403"
    # A list's action is not offered either.
    client.post(f"{BASE}/proppayout/", {"action": "review", "_selected_action": [asked.pk]})
    asked.refresh_from_db()
    assert asked.status == "requested"


def test_finance_decides_no_dispute_and_stops_no_account(failed):
    account, who = failed
    verdict_id = make.phase_of(account).verdict_id
    dispute = dispute_open(actor=who, number=account.number, verdict_id=verdict_id, body="Never traded at this price.")
    finance = staff("finance")
    assert act(finance, "propdispute", dispute.pk, do="assess", proposal="uphold", note="Stands.") == "403"
    assert act(finance, "propaccount", account.pk, do="close", reason="Because") == "403"
    dispute.refresh_from_db()
    assert dispute.status == "open"


def test_a_payout_takes_two_people_of_finance(asked):
    first, second = staff("finance"), staff("finance")
    page = first.get(f"{BASE}/proppayout/{asked.pk}/change/").content.decode()
    assert "The account must be open." in page
    assert "first payout of profit" in page
    assert "looked at" in act(first, "proppayout", asked.pk, do="review", reason="In order")
    assert "is approved" not in act(first, "proppayout", asked.pk, do="approve", reason="Me again")
    assert "is approved" in act(second, "proppayout", asked.pk, do="approve", reason="The first one; checked.")
    asked.refresh_from_db()
    assert (asked.status, asked.reviewed_by, asked.approved_by) == ("approved", first.user, second.user)


def test_a_payout_is_refused_with_a_reason_only(asked):
    finance = staff("finance")
    act(finance, "proppayout", asked.pk, do="reject", reason=" ")
    asked.refresh_from_db()
    assert asked.status == "requested"
    body = {"action": "reject", "_selected_action": [asked.pk], "reason": "Look at the rules of the plan."}
    finance.post(f"{BASE}/proppayout/", body)
    asked.refresh_from_db()
    assert (asked.status, asked.reason) == ("rejected", "Look at the rules of the plan.")


def test_a_dispute_is_seen_at_other_prices_then_proposed_and_decided_by_another(failed):
    account, who = failed
    dispute = dispute_open(actor=who, number=account.number, verdict_id=make.phase_of(account).verdict_id,
                           body="This price was never traded.")  # fmt: skip
    first, second = staff(), staff()
    page = first.get(f"{BASE}/propdispute/{dispute.pk}/change/").content.decode()
    assert "AAA" in page
    assert "94" in page
    url = f"{BASE}/propdispute/{dispute.pk}/change/"
    shown = first.post(url, {"do": "preview", "price-0": "99"})
    assert shown.context["preview"].equity_minor == 99_100_00
    assert not shown.context["preview"].still_ends
    assert first.post(url, {"do": "preview", "price-0": "nothing"}).status_code == 422
    assert first.post(url, {"do": "preview", "price-0": "94"}).context["preview"].still_ends
    dispute.refresh_from_db()
    assert (dispute.status, dispute.corrections) == ("open", {})
    fields = {"do": "assess", "price-0": "99", "proposal": "reinstate", "note": "A bad print.", "balance": "99,100"}
    assert "Somebody else decides" in act(first, "propdispute", dispute.pk, **fields)
    assert "Somebody else" in act(first, "propdispute", dispute.pk, do="accept")
    assert "carried out" in act(second, "propdispute", dispute.pk, do="accept")
    dispute.refresh_from_db()
    account.refresh_from_db()
    assert (dispute.status, dispute.balance_minor, account.status) == ("reinstated", 99_100_00, "active")


def test_a_plan_is_made_with_its_mistake_named_and_offered_as_it_was_seen():
    boss, document = staff("admin"), make.document(code="made-here")
    wrong = {**document, "price": "1.005"}
    page = boss.post(f"{BASE}/propplan/add/", {"document": json.dumps(wrong), "do": "save"})
    assert page.status_code == 422
    assert ("price", "USD has no such fractions.") in [
        (item["path"], item["message"]) for item in page.context["desk"].problems
    ]
    assert not PropPlan.objects.filter(code="made-here").exists()
    assert "This is no JSON" in boss.post(f"{BASE}/propplan/add/", {"document": "{", "do": "save"}).content.decode()
    checked = boss.post(f"{BASE}/propplan/add/", {"document": json.dumps(document), "do": "check"})
    assert checked.context["desk"].prices[0] == ("The plan", "100.00 USD")
    assert "Maximum loss:" in checked.content.decode()
    boss.post(f"{BASE}/propplan/add/", {"document": json.dumps(document), "do": "save"})
    plan = PropPlan.objects.get(code="made-here")
    assert (plan.status, plan.version, plan.created_by) == ("draft", 1, boss.user)
    assert "has changed" in act(boss, "propplan", plan.pk, do="offer", hash="0" * 64)
    assert "is offered" in act(boss, "propplan", plan.pk, do="offer", hash=plan.hash)
    assert "does not change" in act(boss, "propplan", plan.pk, do="save", document=json.dumps(document))
    assert "reason" in act(boss, "propplan", plan.pk, do="withdraw", reason=" ")
    assert "is withdrawn" in act(boss, "propplan", plan.pk, do="withdraw", reason="A better one comes.")
    plan.refresh_from_db()
    assert plan.status == "withdrawn"
    assert AuditEntry.objects.get(action="prop_plan.withdrawn").reason == "A better one comes."


def test_a_plan_starts_from_one_that_ships_and_only_an_administrator_makes_it():
    boss = staff("admin")
    page = boss.get(f"{BASE}/propplan/add/", {"start": "preset:challenge-50k"})
    assert page.context["desk"].read.code == "challenge-50k"
    plan = make.plan()
    assert boss.get(f"{BASE}/propplan/add/", {"start": f"plan:{plan.pk}"}).context["desk"].read.code == plan.code
    for other in (staff(), staff("finance")):
        assert other.get(f"{BASE}/propplan/{plan.pk}/change/").status_code == 200
        assert act(other, "propplan", plan.pk, do="withdraw", reason="No") == "403"
    plan.refresh_from_db()
    assert plan.status == "offered"


def test_whoever_looks_at_a_plan_may_play_it():
    plan = make.plan(steps="instant")
    style = {"win_percent": "60", "payoff": "1", "trades_per_day": "1", "risk_percent": "0.5"}
    mix = {"mix-scalper": "0", "mix-day-trader": "0", "mix-gambler": "0", "mix-coin-flip": "0", "mix-swing": "1"}
    page = staff("finance").get(f"{BASE}/propplan/{plan.pk}/change/", {"play": "1", **style, **mix})
    found = page.context["desk"].simulated
    assert {name: value for name, value, _ in found.trader}["Is funded"] == "100.0 %"
    assert {"Expected liability", "Margin", "Break-even price"} <= {name for name, _, _ in found.firm}
    page = staff("finance").get(f"{BASE}/propplan/{plan.pk}/change/", {"play": "1", **style, "win_percent": "101"})
    assert page.context["desk"].simulated.problems[0]["field"] == "win_percent"


def test_an_account_is_found_by_whatever_there_is_of_it(asked):
    account = asked.account
    # A name without a number, which might be that of the account looked for.
    other, _ = make.prop_account(make.plan(make.market()), UserFactory(display_name="Somebody Else"))
    Payment.objects.filter(pk=account.payment_id).update(charge_ref="ch_of_this_one")
    account.payment.refresh_from_db()
    account.owner.handle = "ada_l"
    account.owner.save()
    certificate = PropCertificate.objects.create(code="c0de" * 5, kind="payout", account=account, payout=asked)
    client, trading_id = staff(), make.phase_of(account).trading_account_id
    for words in (
        account.number, account.number[:6].lower(), account.owner.email.upper(), "@ADA_L", trading_id,
        account.payment.public_id, "ch_of_this_one", certificate.code, asked.public_id,
    ):  # fmt: skip
        found = client.get(f"{BASE}/propaccount/", {"q": words}).context["cl"].result_list
        assert account.pk in [row.pk for row in found], words
        assert words == account.number[:6].lower() or other.pk not in [row.pk for row in found], words
    assert not client.get(f"{BASE}/propaccount/", {"q": "nobody has this"}).context["cl"].result_list


def test_an_operator_stops_an_account_lets_it_go_on_and_closes_it_each_with_a_reason():
    account, who = make.prop_account(make.plan(make.market()))
    make.trade(account, who, "buy", 10)
    client, trading_id = staff(), make.phase_of(account).trading_account_id
    assert "reason" in act(client, "propaccount", account.pk, do="stop", reason="")
    assert "is stopped" in act(client, "propaccount", account.pk, do="stop", reason="A look at its trades")
    assert make.trade(account, who, "buy", 1).status == "denied"
    assert "for good already" in act(client, "propaccount", account.pk, do="stop", reason="Again")
    assert "may trade again" in act(client, "propaccount", account.pk, do="go_on", reason="All well")
    assert make.trade(account, who, "buy", 1).status == "filled"
    assert "No operator has stopped" in act(client, "propaccount", account.pk, do="go_on", reason="Again")
    assert "nothing new" in act(client, "propaccount", account.pk, do="judge_now", reason="A look")
    assert "is closed" in act(client, "propaccount", account.pk, do="close", reason="Asked for by its owner")
    account.refresh_from_db()
    assert (account.status, make.phase_of(account).verdict) == ("closed", None)
    assert account.end_reason == "The firm has closed the account: Asked for by its owner"
    assert Account.objects.get(pk=trading_id).status == "locked"
    assert "nothing of it runs" in act(client, "propaccount", account.pk, do="stop", reason="Too late")
    entry = AuditEntry.objects.get(action="prop_account.closed")
    assert (entry.actor_id, entry.reason) == (client.user.pk, account.end_reason)


def test_nobody_decides_about_an_account_of_their_own_nor_closes_one_with_a_payout_open(asked):
    client = staff()
    mine, _ = make.prop_account(make.plan(make.market()), client.user)
    for do in ("stop", "close", "judge_now"):
        assert "own account" in act(client, "propaccount", mine.pk, do=do, reason="Mine")
    assert "payout first" in act(client, "propaccount", asked.account_id, do="close", reason="Now")
    assert set(PropAccount.objects.values_list("status", flat=True)) == {"active", "funded"}


def test_breaches_of_today_are_shown_with_their_numbers_and_hold(failed):
    account, _ = failed
    page = staff().get(f"{BASE}/propaccount/breaches/", {"verify": "1"})
    [row] = page.context["verdicts"]
    assert (row.number, row.view.kind, row.holds) == (account.number, "fail", True)
    assert ("floor", "95,000.00 USD") in row.numbers
    assert staff().get(f"{BASE}/propaccount/breaches/", {"kind": "soft"}).context["total"] == 0
    shown = staff().get(f"{BASE}/propaccount/", {"breached": "today"}).context["cl"].result_list
    assert [row.pk for row in shown] == [account.pk]
    assert staff().get(f"{BASE}/propaccount/{account.pk}/change/", {"verify": "1"}).context["verdicts"][-1].holds


def test_an_administrator_makes_affiliates_and_stops_them(failed):
    boss, person = staff("admin"), UserFactory()
    fields = {"user_id": person.pk, "code": "friend", "commission_bp": 1000, "discount_bp": 500}
    assert boss.post(f"{BASE}/affiliate/add/", {**fields, "commission_bp": 9000}).status_code == 422
    boss.post(f"{BASE}/affiliate/add/", fields)
    row = Affiliate.objects.get(user=person)
    assert (row.code, row.commission_bp, row.is_active) == ("FRIEND", 1000, True)
    body = {"action": "deactivate", "_selected_action": [row.pk], "reason": ""}
    boss.post(f"{BASE}/affiliate/", body)
    row.refresh_from_db()
    assert row.is_active
    boss.post(f"{BASE}/affiliate/", {**body, "reason": "Spam"})
    row.refresh_from_db()
    assert not row.is_active


def test_a_finding_is_decided_with_a_reason_and_by_nobody_concerned():
    market = make.market()
    plan, client = make.plan(market), staff()
    (left, _), (right, _) = make.prop_account(plan), make.prop_account(plan, client.user)
    evidence = {"share": "0.9", "pairs": [{"left": 1, "right": 2, "at": "2024-01-08T14:30:00+00:00"}]}
    finding = PropFinding.objects.create(
        kind="copy", left=left, right=right, market_id=market.id, score="0.9000", evidence=evidence
    )
    page = staff().get(f"{BASE}/propfinding/{finding.pk}/change/").content.decode()
    assert left.number in page
    assert "2024-01-08T14:30:00+00:00" in page
    assert act(staff("finance"), "propfinding", finding.pk, do="dismissed", reason="No") == "403"
    assert "own account" in act(client, "propfinding", finding.pk, do="dismissed", reason="That is me")
    assert "reason" in act(staff(), "propfinding", finding.pk, do="confirmed", reason="")
    assert "Confirm it or" in act(staff(), "propfinding", finding.pk, do="open", reason="Anything")
    assert "is confirmed" in act(
        staff(), "propfinding", finding.pk, do="confirmed", reason="Every trade within a second"
    )
    assert "already" in act(staff(), "propfinding", finding.pk, do="dismissed", reason="Changed my mind")
    finding.refresh_from_db()
    assert (finding.status, finding.reason) == ("confirmed", "Every trade within a second")
