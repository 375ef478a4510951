"""Affiliates: who may bring buyers, and when what they brought is theirs."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.services.books import verify
from payments.models import Dispute, Payment, Refund
from payments.selectors.books import balance_of
from payments.selectors.payouts import owed_to
from payments.services.granting import payment_revoke_in_tx
from propfirm.models import Affiliate, PropAccount, Referral
from propfirm.services.affiliates import affiliate_make, affiliate_set_active, referrals_earn_due
from propfirm.tests import factories as make

pytestmark = pytest.mark.django_db


def admin():
    return UserFactory(role="admin", is_staff=True)


@pytest.fixture
def friend():
    return affiliate_make(actor=admin(), user_id=UserFactory().pk, code="friend", commission_bp=1_250, discount_bp=500)


def bought(friend):
    plan = make.plan(make.market(), price="199.99")
    return make.prop_account(plan, reference=f"{plan.code}/{friend.code}")[0]


def due():
    Referral.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_an_administrator_makes_them_and_codes_are_checked():
    user = UserFactory()
    with pytest.raises(Forbidden):
        affiliate_make(actor=UserFactory(role="finance"), user_id=user.pk, code="AB", commission_bp=1, discount_bp=1)
    for values in ({"code": "a b"}, {"code": "A"}, {"commission_bp": 5_001}, {"discount_bp": -1}):
        with pytest.raises(Invalid):
            affiliate_make(
                actor=admin(), user_id=user.pk, **{"code": "AB", "commission_bp": 1, "discount_bp": 1, **values}
            )
    with pytest.raises(NotFound):
        affiliate_make(actor=admin(), user_id=0, code="AB", commission_bp=1)
    made = affiliate_make(actor=admin(), user_id=user.pk, code="ab1", commission_bp=1_000)
    assert made.code == "AB1"
    with pytest.raises(Conflict) as again:
        affiliate_make(actor=admin(), user_id=user.pk, code="AB2", commission_bp=1)
    assert again.value.code == "affiliate_exists"
    with pytest.raises(Conflict) as taken:
        affiliate_make(actor=admin(), user_id=UserFactory().pk, code="ab1", commission_bp=1)
    assert taken.value.code == "affiliate_code_taken"
    affiliate_set_active(actor=admin(), affiliate_id=made.pk, is_active=False)
    assert not Affiliate.objects.get().is_active


def test_a_commission_is_owed_once_when_its_wait_is_over(friend):
    bought(friend)
    assert referrals_earn_due() == 0
    due()
    assert (referrals_earn_due(), referrals_earn_due()) == (1, 0)
    # 12.5 % of 199.99 is 24.99875: rounded down.
    assert balance_of("costs:affiliates", "USD") == 2_499
    assert owed_to(friend.user_id)[0].available_minor == 2_499
    assert Referral.objects.get().status == "earned"
    assert verify().is_sound


def test_a_fee_that_went_back_earns_nothing(friend):
    account = bought(friend)
    payment = Payment.objects.get(pk=account.payment_id)
    with transaction.atomic():
        payment_revoke_in_tx(payment, reason="Its money has gone back.")
    due()
    assert referrals_earn_due() == 0
    assert Referral.objects.get().status == "reversed"


def test_it_waits_while_a_refund_is_under_way(friend):
    account = bought(friend)
    due()
    refund = Refund.objects.create(payment=account.payment, amount_minor=account.fee_minor, currency="USD", reason="x")
    assert referrals_earn_due() == 0
    Refund.objects.filter(pk=refund.pk).update(status="succeeded")
    Payment.objects.filter(pk=account.payment_id).update(refunded_minor=account.fee_minor)
    assert referrals_earn_due() == 1
    assert Referral.objects.get().status == "reversed"
    assert balance_of("costs:affiliates", "USD") == 0


def test_a_fee_that_came_back_with_a_payout_is_earned_all_the_same(friend):
    account = bought(friend)
    due()
    Payment.objects.filter(pk=account.payment_id).update(refunded_minor=account.fee_minor)
    PropAccount.objects.filter(pk=account.pk).update(fee_refund="done", fee_refund_minor=account.fee_minor)
    assert referrals_earn_due() == 1
    assert Referral.objects.get().status == "earned"


@pytest.mark.parametrize(
    ("back", "promised", "earned"),
    # 12.5 % of 199.99 is 24.99875; of what stayed of it, rounded down once.
    [
        (0, 0, 2_499),
        (1, 0, 2_499),
        (10_000, 0, 1_249),
        (19_998, 0, 0),
        (10_000, 10_000, 2_499),
        (15_000, 10_000, 1_874),
    ],
)
def test_a_part_of_the_fee_that_went_back_earns_nothing(friend, back, promised, earned):
    account = bought(friend)
    due()
    Payment.objects.filter(pk=account.payment_id).update(refunded_minor=back)
    if promised:
        PropAccount.objects.filter(pk=account.pk).update(fee_refund="done", fee_refund_minor=promised)
    assert referrals_earn_due() == 1
    row = Referral.objects.get()
    assert (row.status, balance_of("costs:affiliates", "USD")) == ("earned" if earned else "reversed", earned)
    if earned:
        assert row.commission_minor == earned
    assert verify().is_sound


def test_commissions_that_wait_keep_no_other_waiting(friend, monkeypatch):
    monkeypatch.setattr("propfirm.services.affiliates.BATCH", 1)
    disputed, returning, _ = (bought(friend) for _ in range(3))
    due()
    Dispute.objects.create(payment=disputed.payment, ref="d", status="open", amount_minor=1, currency="USD")
    Refund.objects.create(payment=returning.payment, amount_minor=1, currency="USD", reason="x")
    assert referrals_earn_due() == 1
    assert referrals_earn_due() == 0
    assert Referral.objects.filter(status="held").count() == 2


def test_their_page_shows_no_buyer(friend):
    account = bought(friend)
    page = Client()
    page.force_login(friend.user)
    text = page.get("/prop-firm/affiliate").content.decode()
    assert "FRIEND" in text
    assert "12.5%" in text
    assert "24.99" in text
    assert account.owner.display_name not in text
    page.force_login(UserFactory())
    assert page.get("/prop-firm/affiliate").status_code == 404
