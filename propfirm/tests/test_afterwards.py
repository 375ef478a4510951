"""What comes after the money: fees that go back in other ways, other versions of a plan, second chances without end."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import Conflict, DomainError, Forbidden
from core.services.books import verify as verify_books
from marketdata.tests.factories import advance
from payments.adapters.sandbox import charges, checkouts
from payments.models import Payment, Refund
from payments.services.checkout import purchase_begin
from payments.services.granting import bought_of
from payments.services.refunding import refund_request
from payments.services.sandbox import events_deliver
from payments.tests.factories_payouts import finance
from propfirm.models import PropAccount, PropActivity, Referral
from propfirm.services.affiliates import affiliate_make, referrals_earn_due
from propfirm.services.closing import account_go_on
from propfirm.services.fee_refunds import (
    TAKEN_BACK,
    fee_refund_again,
    fee_refunds_due,
    is_withdrawable,
    withdraw_purchase,
)
from propfirm.services.plans import plan_draft, plan_offer
from propfirm.services.purchases import ChallengeKind
from propfirm.services.resets import ResetKind, retry_take
from propfirm.tests import factories as make
from propfirm.tests.test_fee_refunds import bought, funded_in_profit, paid_out, settle
from propfirm.tests.test_resets import CHANCE, breach, expired_in_profit, reset_begun
from propfirm.tests.test_undone import undo
from trading.domain.types import SYSTEM
from trading.models import Account
from trading.services.locking import account_lock_in_tx
from trading.tests import factories as trading

pytestmark = pytest.mark.django_db

FALL = {"AAA": [(100, 100, 94, 94), *[(94, 94, 94, 94)] * 4]}


def refused(code, act):
    with pytest.raises(DomainError) as error:
        act()
    assert error.value.code == code


def test_what_was_not_paid_for_any_more_begins_no_more():
    _, account, who = expired_in_profit()
    make.gone_back(account.payment)
    refused("fee_returned", lambda: retry_take(actor=who, number=account.number))
    offer = {"user_id": account.owner_id, "reference": account.number, "params": {}, "currency": ""}
    refused("fee_returned", lambda: ResetKind().offer(**offer))
    client = Client()
    client.force_login(account.owner)
    page = client.get(f"/prop-firm/accounts/{account.number}")
    assert (page.status_code, b"Try again" in page.content) == (200, False)


def test_a_verdict_about_what_was_not_paid_for_any_more_stays():
    _, lost, loser = make.failed()
    make.gone_back(lost.payment)
    refused("fee_returned", lambda: undo(lost, loser, {"AAA": "99"}))
    lost.refresh_from_db()
    assert lost.status == "failed"


def test_second_chances_do_not_go_past_the_most_accounts_of_a_plan():
    market = make.market(FALL)
    plan = make.plan(market, evaluation=[make.DAILY, make.MOST, make.TARGET, CHANCE], max_accounts=1)
    account, who = make.prop_account(plan)
    breach(market, account, who)
    row = reset_begun(account, who)
    make.prop_account(plan, account.owner)
    offer = {"user_id": account.owner_id, "reference": account.number, "params": {}, "currency": ""}
    refused("too_many_accounts", lambda: ResetKind().offer(**offer))
    # Begun before, paid after: the money goes back.
    row = make.pay(row)
    account.refresh_from_db()
    assert (row.problem, account.status) == ("not_granted:too_many_accounts", "failed")


def test_a_free_retry_counts_as_an_account_too():
    _, account, who = expired_in_profit(max_accounts=1)
    make.prop_account(account.plan, account.owner)
    refused("too_many_accounts", lambda: retry_take(actor=who, number=account.number))


def passed_after_a_reset():
    bars = [(100, 100, 94, 94), (94,) * 4, (94, 110, 94, 110), *[(110,) * 4] * 6]
    market = make.market({"AAA": bars})
    rules = [make.DAILY, make.MOST, make.TARGET, CHANCE]
    account, who = make.prop_account(make.plan(market, steps="two", evaluation=rules))
    breach(market, account, who)
    row = make.pay(reset_begun(account, who))
    account.refresh_from_db()
    make.trade(account, who, "buy", 900)
    advance(market.id, 8)
    make.trade(account, who, "sell", 900)
    advance(market.id, 1)
    make.deliver()
    account.refresh_from_db()
    assert (account.status, account.phase_index) == ("active", 1)
    return account, row


def test_a_reset_that_is_charged_back_takes_what_was_passed_with_it():
    account, row = passed_after_a_reset()
    make.gone_back(row)
    account.refresh_from_db()
    assert account.status == "closed"
    assert make.phase_of(account).status == "closed"


def test_the_buyer_gets_the_version_that_was_priced():
    market = make.market()
    plan = make.plan(market)
    user = UserFactory()
    first = purchase_begin(actor=user, kind="challenge", reference=plan.code, idempotency_key="a")
    row = Payment.objects.get(public_id=first.public_id)
    document = {**plan.definition, "size": "50000"}
    newer = plan_offer(actor=SYSTEM, plan_id=plan_draft(actor=SYSTEM, document=document, market_id=market.id).pk)
    again = purchase_begin(actor=user, kind="challenge", reference=plan.code, idempotency_key="b")
    assert again.public_id != first.public_id
    checkouts.checkout_pay(again.url.rsplit("/", 1)[1], "pay")
    events_deliver()
    assert PropAccount.objects.get(payment__public_id=again.public_id).plan_id == newer.pk
    # Priced before the newer one was offered, held after it.
    late = bought_of(row)
    with pytest.raises(Conflict) as error:
        ChallengeKind().hold_in_tx(late)
    assert (error.value.code, late.version) == ("plan_changed", str(plan.pk))


def test_a_buyer_does_not_say_which_version_it_is():
    plan, user = make.plan(make.market()), UserFactory()
    begun = purchase_begin(
        actor=user, kind="challenge", reference=plan.code, params={"offer_version": "1"}, idempotency_key="a"
    )
    assert Payment.objects.get(public_id=begun.public_id).params == {"offer_version": str(plan.pk)}


def test_a_promised_fee_waits_for_the_end_of_a_dispute():
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    payment = Payment.objects.get(pk=account.payment_id)
    dispute = charges.dispute_open(payment.charge_ref)
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert account.fee_refund == "due"
    charges.dispute_close(dispute.ref, won=True)
    settle()
    for _ in range(2):
        fee_refunds_due()
        settle()
    account.refresh_from_db()
    assert (account.fee_refund, account.status, Refund.objects.count()) == ("done", "funded", 1)


def test_a_fee_is_promised_while_a_dispute_holds_it():
    account, who = funded_in_profit()
    payment = Payment.objects.get(pk=account.payment_id)
    charges.dispute_open(payment.charge_ref)
    settle()
    payout = paid_out(account, who, "1")
    account.refresh_from_db()
    assert account.fee_refund_minor == payout.refund_minor == 6_000


def test_a_dispute_that_is_lost_closes_the_account_whatever_was_promised():
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    dispute = charges.dispute_open(Payment.objects.get(pk=account.payment_id).charge_ref)
    settle()
    charges.dispute_close(dispute.ref, won=False)
    settle()
    account.refresh_from_db()
    assert account.status == "closed"


def failed_at_the_bank():
    """A funded account whose fee was given back, until the bank sent it back."""
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    fee_refunds_due()
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert account.fee_refund == "done"
    charges.refund_fail(Refund.objects.get().ref)
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert account.fee_refund == "failed"
    return account, who


def test_a_fee_that_the_bank_sent_back_is_seen_and_tried_again_by_finance():
    account, _ = failed_at_the_bank()
    person = finance()[0]
    refused("reason_required", lambda: fee_refund_again(actor=person, account_id=account.pk, reason=" "))
    with pytest.raises(Forbidden):
        fee_refund_again(actor=trading.user(role="moderator", is_staff=True), account_id=account.pk, reason="Again.")
    fee_refund_again(actor=person, account_id=account.pk, reason="The card works again.")
    settle()
    fee_refunds_due()
    account.refresh_from_db()
    assert (account.fee_refund, account.status) == ("done", "funded")
    refused("fee_not_failed", lambda: fee_refund_again(actor=person, account_id=account.pk, reason="Again."))
    assert verify_books().is_sound


def test_a_fee_that_finance_gives_back_by_hand_closes_nothing():
    account, _ = failed_at_the_bank()
    PropAccount.objects.filter(pk=account.pk).update(fee_refund_minor=account.fee_minor)
    refund_request(
        actor=finance()[0], payment_id=account.payment_id, amount_minor=account.fee_minor, reason="By hand.",
        idempotency_key="h",
    )  # fmt: skip
    settle()
    account.refresh_from_db()
    assert (account.status, Payment.objects.get(pk=account.payment_id).revoked_at is None) == ("funded", False)


def taken_back_in_vain():
    """Taken back untraded, and the provider refused to give the money back; the days to do so are over."""
    account, who = bought(make.plan(make.market(), refund_days=7))
    trading_id = make.phase_of(account).trading_account_id
    account_lock_in_tx(account_id=trading_id, reason=TAKEN_BACK)
    Refund.objects.create(
        payment=account.payment, amount_minor=account.fee_minor, currency="USD", reason="Taken back.", status="failed",
        failure="The card is closed.", requested_by=account.owner,
    )  # fmt: skip
    PropAccount.objects.filter(pk=account.pk).update(activated_at=timezone.now() - timedelta(days=8))
    account.refresh_from_db()
    return account, who


def test_what_could_not_be_given_back_is_asked_for_again_whatever_the_date():
    account, who = taken_back_in_vain()
    assert is_withdrawable(account)
    withdraw_purchase(actor=who, number=account.number)
    settle()
    account.refresh_from_db()
    assert account.status == "closed"
    assert verify_books().is_sound


def test_or_it_goes_on_when_an_operator_says_so():
    account, who = taken_back_in_vain()
    person = trading.user(role="moderator", is_staff=True)
    account_go_on(actor=person, account_id=account.pk, reason="They would rather trade.")
    row = Account.objects.get(pk=make.phase_of(account).trading_account_id)
    assert row.status == "active"
    assert make.trade(account, who, "buy", 1).status == "filled"
    assert PropActivity.objects.filter(account=account, kind="went_on").exists()


def test_a_commission_is_of_what_stayed():
    market = make.market()
    admin = UserFactory(role="admin", is_superuser=True)
    friend = UserFactory()
    affiliate_make(actor=admin, user_id=friend.pk, code="FRIEND", commission_bp=1_000)
    plan = make.plan(market)
    user = UserFactory()
    begun = purchase_begin(actor=user, kind="challenge", reference=f"{plan.code}/FRIEND", idempotency_key="c")
    checkouts.checkout_pay(begun.url.rsplit("/", 1)[1], "pay")
    events_deliver()
    row = Referral.objects.get()
    whole = row.commission_minor
    payment = Payment.objects.get(public_id=begun.public_id)
    refund_request(actor=finance()[0], payment_id=payment.pk, amount_minor=payment.captured_minor * 3 // 4,
                   reason="A good part.", idempotency_key="p")  # fmt: skip
    settle()
    Referral.objects.update(due_at=timezone.now() - timedelta(days=1))
    assert referrals_earn_due() == 1
    row.refresh_from_db()
    assert (row.status, row.commission_minor) == ("earned", whole // 4)
    assert verify_books().is_sound
