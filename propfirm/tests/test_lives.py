"""What stays with an account through its phases and attempts, and what becomes of it when its owner leaves."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notification, User
from accounts.services.deletion import deletion_now
from accounts.tests.factories import UserFactory
from core.errors import Conflict, Denied
from core.services.books import verify as verify_books
from marketdata.tests.factories import advance
from payments.services.granting import payment_revoke_in_tx
from payments.tests.factories_payouts import finance, payable
from propfirm.models import PropAccount, PropActivity, PropPayout, Referral
from propfirm.selectors.accounts import account_detail, accounts_of, cards, last_phase
from propfirm.services.affiliates import affiliate_make, affiliate_set_active, referrals_earn_due
from propfirm.services.closing import HELD, account_go_on, account_stop, accounts_close_gone
from propfirm.services.disputes import dispute_assess, dispute_decide, dispute_open
from propfirm.services.lifecycle import phases_close_due, verdict_apply_in_tx
from propfirm.services.payouts import payout_cancel, payout_request, payout_review
from propfirm.services.resets import retry_take
from propfirm.services.scaling import scaling_run
from propfirm.tests import factories as make
from propfirm.tests.test_resets import CHANCE, LIMIT, breach, broken, reset_begun
from propfirm.tests.test_scaling import account_in_profit, months_ago
from trading.models import Account, Verdict
from trading.tests import factories as trading

pytestmark = pytest.mark.django_db


def operator():
    return trading.user(role="moderator", is_staff=True)


def told(account):
    return list(Notification.objects.filter(user=account.owner).order_by("pk").values_list("title", "body"))


# ---- An operator's stop ----


def test_a_stop_goes_on_in_the_next_phase_until_it_is_lifted():
    market = make.market({"AAA": [(100, 112, 100, 112), *[(112,) * 4] * 6]})
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 900)
    advance(market.id, 3)
    make.trade(account, who, "sell", 900)
    assert account_stop(actor=operator(), account_id=account.pk, reason="Investigated.")
    advance(market.id, 2)
    make.deliver()
    account.refresh_from_db()
    row = make.phase_of(account).trading_account
    assert (account.status, row.status, row.locked_until) == ("funded", "locked", None)
    assert row.lock_reason == f"{HELD}Investigated."
    assert make.trade(account, who, "buy", 1).status == "denied"
    assert account_detail(account.number, who).lock_reason == f"{HELD}Investigated."
    assert any(f"The account stays stopped. {HELD}Investigated." in body for _, body in told(account))
    # It was stopped already, and is let go on as before.
    assert not account_stop(actor=operator(), account_id=account.pk, reason="Again.")
    account_go_on(actor=operator(), account_id=account.pk, reason="Nothing was found.")
    assert make.trade(account, who, "buy", 1).status == "filled"
    with pytest.raises(Conflict):
        account_go_on(actor=operator(), account_id=account.pk, reason="Once more.")


def test_a_stop_is_not_got_rid_of_by_a_free_retry():
    market = make.market({"AAA": [(100, 101, 100, 101), *[(101, 101, 101, 101)] * 8]})
    account, who = make.prop_account(make.plan(market, evaluation=[make.TARGET, LIMIT, CHANCE]))
    make.trade(account, who, "buy", 100)
    advance(market.id, 3)
    make.trade(account, who, "sell", 100)
    account_stop(actor=operator(), account_id=account.pk, reason="Investigated.")
    advance(market.id, 4)
    make.deliver()
    retry_take(actor=who, number=account.number)
    assert make.phase_of(account).trading_account.lock_reason == f"{HELD}Investigated."
    account_go_on(actor=operator(), account_id=account.pk, reason="Nothing was found.")
    assert make.trade(account, who, "buy", 1).status == "filled"


def test_without_a_stop_a_reset_begins_unlocked():
    _, account, who = broken()
    make.pay(reset_begun(account, who))
    assert make.phase_of(account).trading_account.status == "active"
    assert not PropActivity.objects.filter(account=account, kind="stopped").exists()


# ---- The phase that is shown ----


def fails_too(account, verdict_id):
    """The phase that runs fails by the same rule as an earlier one."""
    phase, like = make.phase_of(account), Verdict.objects.get(pk=verdict_id)
    same = ("rule_key", "kind", "code", "message", "evidence", "inputs_hash", "market_at")
    row = Verdict.objects.create(
        account=phase.trading_account, rule_set=phase.rule_set, **{name: getattr(like, name) for name in same}
    )
    verdict_apply_in_tx(
        {"account_id": row.account_id, "kind": row.kind, "market_at": row.market_at.isoformat(), "verdict_id": row.pk,
         "message": row.message, "code": row.code, "rule_key": row.rule_key}
    )  # fmt: skip


def undone(account, who, verdict_id):
    dispute = dispute_open(
        actor=who, number=account.number, verdict_id=verdict_id, body="The price of 94 was traded nowhere else."
    )
    dispute_assess(
        actor=operator(), dispute_id=dispute.pk, prices={"AAA": "99"}, proposal="reinstate", note="A bad print."
    )
    dispute_decide(actor=operator(), dispute_id=dispute.pk, accept=True)


def test_an_earlier_attempt_that_runs_again_is_the_one_that_is_shown():
    on = make.market({"AAA": [(100, 100, 94, 94), *[(94,) * 4] * 6]})
    account, who = make.prop_account(make.plan(on, evaluation=[make.DAILY, make.MOST, make.TARGET, CHANCE]))
    breach(on, account, who)
    first = make.phase_of(account)
    make.pay(reset_begun(account, who))
    second = make.phase_of(account)
    assert last_phase(account.pk) == second
    account.refresh_from_db()
    fails_too(account, first.verdict_id)
    # Both have ended: the second one last.
    assert last_phase(account.pk) == second
    assert account_detail(account.number, who).phase.id == second.pk
    undone(account, who, first.verdict_id)
    detail = account_detail(account.number, who)
    [card] = cards(accounts_of(who.user_id))
    assert (card.status, detail.phase.id, detail.phase.status) == ("active", first.pk, "active")
    assert card.trading_account_id == detail.card.trading_account_id == first.trading_account_id
    assert detail.rules.status == "active"
    assert last_phase(account.pk) == first
    client = Client()
    client.force_login(User.objects.get(pk=who.user_id))
    assert client.get(f"/prop-firm/accounts/{account.number}/payouts").status_code == 200


def test_what_an_account_grows_by_is_no_profit():
    account, who, trading_id = account_in_profit()
    [before] = cards(accounts_of(who.user_id))
    months_ago(trading_id)
    assert scaling_run() == 1
    [card] = cards(accounts_of(who.user_id))
    assert (before.profit_minor, card.profit_minor) == (400_000, 400_000)
    assert (card.size_minor, card.initial_minor) == (10_000_000, 12_500_000)
    assert account_detail(account.number, who).card.profit_minor == 400_000


def test_a_list_takes_as_many_queries_for_many_accounts_as_for_one():
    plan, owner = make.plan(make.market()), UserFactory()

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert all(card.profit_minor == 0 for card in cards(accounts_of(owner.pk)))
        return len(found)

    make.prop_account(plan, owner)
    one = queries()
    make.prop_account(plan, owner)
    make.prop_account(plan, owner)
    assert queries() == one


# ---- Closing ----


def test_who_loses_an_account_by_a_refund_is_told():
    account, _ = make.prop_account(make.plan(make.market()))
    with transaction.atomic():
        payment_revoke_in_tx(account.payment, reason="Asked for it.")
    account.refresh_from_db()
    assert account.status == "closed"
    [notice] = [found for found in told(account) if "is closed" in found[0]]
    assert "The fee was given back" in notice[1]


def test_who_loses_an_account_by_a_reset_that_goes_back_is_told():
    _, account, who = broken()
    row = make.pay(reset_begun(account, who))
    with transaction.atomic():
        payment_revoke_in_tx(row, reason="Disputed.")
    [notice] = [found for found in told(account) if "is closed" in found[0]]
    assert "The reset was given back" in notice[1]


def test_what_never_becomes_flat_keeps_nobody_from_being_closed(monkeypatch):
    monkeypatch.setattr("propfirm.services.lifecycle.BATCH", 1)
    market = make.market()
    stuck, who = make.prop_account(make.plan(market))
    make.trade(stuck, who, "buy", 10)
    other, _ = make.prop_account(make.plan(market))
    for account in (stuck, other):
        with transaction.atomic():
            payment_revoke_in_tx(account.payment, reason="Asked for it.")
    # No tick comes, so that the first one still holds what it bought.
    assert phases_close_due() == 1
    row = make.phase_of(other).trading_account
    assert row.status == "closed"
    assert phases_close_due() == 0
    assert Account.objects.get(pk=make.phase_of(stuck).trading_account_id).status == "locked"
    advance(market.id, 2)
    assert phases_close_due() == 1


# ---- Leaving ----


def in_profit():
    market = make.market({"AAA": [(100,) * 4, (104,) * 4, (104,) * 4, (104,) * 4]})
    account, who = make.prop_account(make.plan(market, steps="instant"), payable(0))
    make.trade(account, who, "buy", 1000)
    advance(market.id, 4)
    make.trade(account, who, "sell", 1000)
    return account, who


def refused(user_id):
    with pytest.raises(Denied) as error:
        deletion_now(user_id=user_id, reason="Asked by letter.")
    return error.value.code


def test_who_waits_for_a_payout_of_profit_does_not_go_yet():
    account, who = in_profit()
    payout = payout_request(actor=who, number=account.number, amount_minor=100_000, idempotency_key="k")
    assert refused(who.user_id) == "prop_payout_open"
    payout_review(actor=finance()[0], payout_id=payout.pk)
    assert refused(who.user_id) == "prop_payout_open"
    payout_cancel(actor=who, public_id=payout.public_id)
    assert deletion_now(user_id=who.user_id, reason="Asked by letter.")


def test_who_waits_for_a_fee_does_not_go_yet():
    account, who = make.prop_account(make.plan(make.market()))
    rows = PropAccount.objects.filter(pk=account.pk)
    rows.update(fee_refund="due", fee_refund_minor=6_000)
    assert refused(who.user_id) == "fee_refund_due"
    rows.update(fee_refund="done")
    assert deletion_now(user_id=who.user_id, reason="Asked by letter.")


def test_who_waits_for_commissions_does_not_go_yet():
    admin = UserFactory(role="admin", is_staff=True)
    friend = affiliate_make(actor=admin, user_id=UserFactory().pk, code="friend", commission_bp=1_000)
    plan = make.plan(make.market())
    buyers = [make.prop_account(plan, reference=f"{plan.code}/{friend.code}")[0] for _ in range(2)]
    affiliate_set_active(actor=admin, affiliate_id=friend.pk, is_active=False)
    assert refused(friend.user_id) == "commission_held"
    # Who took the whole fee back earns them nothing.
    with transaction.atomic():
        payment_revoke_in_tx(buyers[0].payment, reason="Asked for it.")
    assert refused(friend.user_id) == "commission_held"
    lost = buyers[1].payment
    type(lost).objects.filter(pk=lost.pk).update(lost_minor=lost.total_minor)
    Referral.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert deletion_now(user_id=friend.user_id, reason="Asked by letter.")
    referrals_earn_due()
    assert set(Referral.objects.values_list("status", flat=True)) == {"reversed"}


def test_live_accounts_close_when_their_owner_leaves():
    market = make.market()
    account, who = make.prop_account(make.plan(market))
    make.trade(account, who, "buy", 10)
    bystander, _ = make.prop_account(make.plan(market))
    assert deletion_now(user_id=who.user_id, reason="Asked by letter.")
    make.deliver()
    account.refresh_from_db()
    phase = make.phase_of(account)
    assert (account.status, phase.status) == ("closed", "closed")
    advance(market.id, 2)
    assert phases_close_due() == 1
    phase.trading_account.refresh_from_db()
    assert (phase.trading_account.status, phase.trading_account.open_orders_count) == ("closed", 0)
    assert not Notification.objects.filter(user=who.user_id).exists()
    bystander.refresh_from_db()
    assert bystander.status == "active"
    assert accounts_close_gone(who.user_id) == 0
    assert verify_books().is_sound


def test_a_payout_asked_for_in_the_moment_of_leaving_stays_in_no_queue():
    account, who = in_profit()
    payout = payout_request(actor=who, number=account.number, amount_minor=100_000, idempotency_key="k")
    assert accounts_close_gone(who.user_id) == 1
    account.refresh_from_db()
    assert (account.status, PropPayout.objects.get(pk=payout.pk).status) == ("closed", "cancelled")
    assert make.phase_of(account).trading_account.status == "locked"
