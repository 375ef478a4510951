"""What an account stands on when money goes back: its fee, its resets; and who is told. See test_afterwards, too."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Notification, User
from core.errors import Conflict, Forbidden
from core.services.books import verify
from payments.adapters.sandbox import charges
from payments.models import Payment, Refund
from payments.services.quoting import purchase_quote
from payments.services.refunding import refund_request
from payments.tests.factories_payouts import finance
from propfirm.models import PropAccount, PropActivity, PropPhase
from propfirm.services.fee_refunds import (
    fee_promise_in_tx,
    fee_refund_again,
    fee_refunds_due,
    is_withdrawable,
    withdraw_purchase,
)
from propfirm.services.lifecycle import verdict_apply_in_tx
from propfirm.services.resets import KIND as RESET
from propfirm.services.resets import chance_of, reset_require, retry_take
from propfirm.tests import factories as make
from propfirm.tests.test_fee_refunds import bought, funded_in_profit, paid_out, settle
from propfirm.tests.test_resets import CHANCE, breach, broken, expired_in_profit, reset_begun
from propfirm.tests.test_undone import undo
from trading.models import AccountRules, Verdict

pytestmark = pytest.mark.django_db
RULES = [make.DAILY, make.MOST, make.TARGET, {**CHANCE, "max_resets": 3}]


def code_of(act, *args, **kwargs):
    with pytest.raises(Conflict) as refused:
        act(*args, **kwargs)
    return refused.value.code


def judged(account, kind, like):
    """The phase that runs is ended by a verdict of a kind, with the evidence of another one."""
    phase = account.phases.get(status="active")
    fields = ("rule_key", "code", "message", "evidence", "inputs_hash", "market_at")
    same = {name: getattr(like, name) for name in fields}
    row = Verdict.objects.create(account=phase.trading_account, rule_set=phase.rule_set, kind=kind, **same)
    rules = AccountRules.objects.get(pk=row.account_id)
    rules.state |= {"closed_by": row.rule_key, "closed_as": kind}
    rules.save()
    verdict_apply_in_tx(
        {"account_id": row.account_id, "kind": kind, "market_at": row.market_at.isoformat(), "verdict_id": row.pk,
         "message": row.message, "code": row.code, "rule_key": row.rule_key}
    )  # fmt: skip
    account.refresh_from_db()
    return row


def fallen(steps="two"):
    """An account of two steps that failed the first one, and the verdict."""
    market = make.market({"AAA": [(100, 100, 94, 94), *[(94,) * 4] * 6]})
    account, who = make.prop_account(make.plan(market, steps=steps, evaluation=RULES))
    breach(market, account, who)
    return account, who, Verdict.objects.get(pk=make.phase_of(account).verdict_id)


def reset(account, who):
    row = make.pay(reset_begun(account, who))
    account.refresh_from_db()
    assert (row.problem, account.status) == ("", "active")
    return row


# ---- A fee that has gone back ----


def test_an_account_whose_fee_went_back_is_not_reset():
    _, account, who = broken()
    begun = reset_begun(account, who)
    make.gone_back(account.payment)
    assert code_of(purchase_quote, user=account.owner, kind=RESET, reference=account.number) == "fee_returned"
    # A page that was open already: its money goes back.
    assert make.pay(begun).problem == "not_granted:fee_returned"
    account.refresh_from_db()
    assert account.status == "failed"


def test_a_fee_that_came_back_with_a_payout_takes_no_second_chance_away():
    _, account, who = expired_in_profit(max_accounts=1)
    PropAccount.objects.filter(pk=account.pk).update(fee_refund="done", fee_refund_minor=account.fee_minor)
    account.payment.refunded_minor = account.fee_minor
    make.gone_back(account.payment)
    retry_take(actor=who, number=account.number)
    account.refresh_from_db()
    assert account.status == "active"


def test_a_lost_chargeback_closes_what_a_payout_had_promised_a_part_of():
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    dispute = charges.dispute_open(Payment.objects.get(pk=account.payment_id).charge_ref)
    settle()
    charges.dispute_close(dispute.ref, won=False)
    settle()
    account.refresh_from_db()
    assert (account.status, account.fee_refund) == ("closed", "due")
    fee_refunds_due()
    account.refresh_from_db()
    assert account.fee_refund == "failed"
    assert verify().is_sound


def test_more_than_what_was_promised_closes_it():
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    refund_request(
        actor=finance()[0], payment_id=account.payment_id, amount_minor=10_000, reason="All.", idempotency_key="h"
    )
    settle()
    account.refresh_from_db()
    assert account.status == "closed"


# ---- The fee that a payout promises ----


def test_what_a_dispute_holds_is_promised_too_and_what_is_lost_is_not():
    account, _ = funded_in_profit()
    dispute = charges.dispute_open(Payment.objects.get(pk=account.payment_id).charge_ref)
    settle()
    with transaction.atomic():
        assert fee_promise_in_tx(PropAccount.objects.get(pk=account.pk), 6_000) == 6_000
    PropAccount.objects.filter(pk=account.pk).update(fee_refund="", fee_refund_minor=0)
    charges.dispute_close(dispute.ref, won=False)
    settle()
    with transaction.atomic():
        assert fee_promise_in_tx(PropAccount.objects.get(pk=account.pk), 6_000) == 0


def failed_at_the_bank():
    """A whole fee that was promised, sent, and came back from the bank after it had counted as given back."""
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    PropAccount.objects.filter(pk=account.pk).update(fee_refund_minor=10_000)
    for _ in range(2):
        fee_refunds_due()
        settle()
    account.refresh_from_db()
    assert account.fee_refund == "done"
    charges.refund_fail(Refund.objects.get().ref)
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    return account, who


def test_a_fee_that_its_bank_sent_back_later_is_seen_and_told():
    account, who = failed_at_the_bank()
    assert (account.fee_refund, account.status) == ("failed", "funded")
    assert PropActivity.objects.filter(account=account, kind="fee_failed").count() == 1
    assert Notification.objects.filter(user_id=who.user_id, body__contains="could not be given back").count() == 1
    assert fee_refunds_due() == 0


def test_a_fee_that_came_back_from_the_bank_and_is_lost_after_that_closes_the_account():
    account, _ = failed_at_the_bank()
    assert Payment.objects.get(pk=account.payment_id).revoked_at is not None
    dispute = charges.dispute_open(Payment.objects.get(pk=account.payment_id).charge_ref)
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert account.status == "funded"
    charges.dispute_close(dispute.ref, won=False)
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert account.status == "closed"
    assert verify().is_sound


def test_another_refund_of_the_payment_does_not_hide_that():
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    refund_request(
        actor=finance()[0], payment_id=account.payment_id, amount_minor=100, reason="A courtesy.", idempotency_key="h"
    )
    for _ in range(2):
        fee_refunds_due()
        settle()
    charges.refund_fail(Refund.objects.get(amount_minor=6_000).ref)
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert account.fee_refund == "failed"


def test_a_promise_that_finance_keeps_by_hand_closes_nothing():
    account, _ = failed_at_the_bank()
    refund_request(
        actor=finance()[0], payment_id=account.payment_id, amount_minor=10_000, reason="By hand.", idempotency_key="h"
    )
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert (account.status, account.fee_refund) == ("funded", "done")
    assert fee_refunds_due() == 0


def test_nobody_of_finance_tries_their_own_fee_again():
    account, _ = failed_at_the_bank()
    User.objects.filter(pk=account.owner_id).update(role="finance")
    with pytest.raises(Forbidden) as own:
        fee_refund_again(actor=User.objects.get(pk=account.owner_id), account_id=account.pk, reason="Mine.")
    assert own.value.code == "own_account"


def test_a_bank_that_takes_its_time_keeps_no_other_fee_waiting(monkeypatch):
    monkeypatch.setattr("propfirm.services.fee_refunds.BATCH", 1)
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    fee_refunds_due()
    Refund.objects.update(status="pending")
    other, _ = bought(account.plan)
    PropAccount.objects.filter(pk=other.pk).update(fee_refund="due", fee_refund_minor=500)
    fee_refunds_due()
    assert Refund.objects.filter(payment_id=other.payment_id).exists()


# ---- Taken back untraded ----


def refused():
    """An account that is taken back when its bank holds the money already: the provider refuses the refund."""
    account, who = bought(make.plan(make.market(), refund_days=7))
    dispute = charges.dispute_open(Payment.objects.get(pk=account.payment_id).charge_ref)
    withdraw_purchase(actor=who, number=account.number)
    assert Refund.objects.get().status == "failed"
    return account, who, dispute


def test_a_purchase_whose_refund_was_refused_is_taken_back_again_whatever_the_date():
    account, who, dispute = refused()
    assert Notification.objects.filter(user_id=who.user_id, body__contains="could not be given back").count() == 1
    assert PropActivity.objects.filter(account=account, message__contains="could not be given back").count() == 1
    charges.dispute_close(dispute.ref, won=True)
    settle()
    PropAccount.objects.filter(pk=account.pk).update(activated_at=timezone.now() - timedelta(days=8))
    account = PropAccount.objects.get(pk=account.pk)
    assert is_withdrawable(account)
    withdraw_purchase(actor=who, number=account.number)
    settle()
    account.refresh_from_db()
    assert account.status == "closed"
    assert [row.status for row in Refund.objects.order_by("pk")] == ["failed", "succeeded"]
    assert not is_withdrawable(account)
    assert verify().is_sound


def test_a_bank_that_sends_it_back_later_is_told_and_asked_again():
    account, who = bought(make.plan(make.market(), refund_days=7))
    withdraw_purchase(actor=who, number=account.number)
    settle()
    account.refresh_from_db()
    assert account.status == "closed"
    charges.refund_fail(Refund.objects.get().ref)
    settle()
    for _ in range(2):
        fee_refunds_due()
    assert Notification.objects.filter(user_id=who.user_id, body__contains="could not be given back").count() == 1
    PropAccount.objects.filter(pk=account.pk).update(activated_at=timezone.now() - timedelta(days=8))
    account = PropAccount.objects.get(pk=account.pk)
    assert is_withdrawable(account)
    withdraw_purchase(actor=who, number=account.number)
    settle()
    assert Payment.objects.get(pk=account.payment_id).refunded_minor == account.fee_minor
    assert verify().is_sound


# ---- A reset whose money has gone back ----


def test_a_later_reset_of_a_later_step_stands_on_it_too():
    account, who, like = fallen()
    row = reset(account, who)
    judged(account, "pass", like)
    judged(account, "fail", like)
    reset(account, who)
    assert (account.phase_index, account.phases.count()) == (1, 4)
    make.gone_back(row)
    account.refresh_from_db()
    assert account.status == "closed"


def test_a_reset_that_paid_for_the_same_step_again_stands_by_itself():
    account, who, like = fallen()
    row = reset(account, who)
    judged(account, "fail", like)
    reset(account, who)
    make.gone_back(row)
    account.refresh_from_db()
    assert account.status == "active"
    judged(account, "pass", like)
    assert account.status == "active"


def test_an_attempt_before_the_reset_stands_on_none():
    account, who, like = fallen()
    row = reset(account, who)
    judged(account, "fail", like)
    undo(account, who, {"AAA": "99"}, verdict_id=like.pk)
    judged(account, "pass", like)
    # Opened after the reset, and come from the attempt before it.
    assert (account.status, account.phase_index) == ("active", 1)
    make.gone_back(row)
    account.refresh_from_db()
    assert account.status == "active"


def test_what_a_reset_that_went_back_began_is_not_brought_back_and_may_be_paid_for_anew():
    account, who, like = fallen()
    row = reset(account, who)
    ended = judged(account, "fail", like)
    make.gone_back(row)
    account.refresh_from_db()
    assert account.status == "failed"
    with pytest.raises(Conflict) as refused:
        reset_require(PropPhase.objects.get(verdict=ended))
    assert refused.value.code == "reset_returned"
    # The attempt before it was paid for with the fee.
    reset_require(PropPhase.objects.get(verdict=like))
    assert chance_of(account).code == "paid_reset"
    reset(account, who)


def test_what_stands_on_a_step_whose_reset_went_back_begins_no_more():
    account, who, like = fallen()
    row = reset(account, who)
    judged(account, "pass", like)
    judged(account, "fail", like)
    make.gone_back(row)
    assert code_of(chance_of, account) == "reset_returned"
    assert code_of(purchase_quote, user=account.owner, kind=RESET, reference=account.number) == "reset_returned"
