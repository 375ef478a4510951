"""Coupons."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Profile
from accounts.tests.factories import UserFactory
from core.errors import Denied
from payments.adapters.sandbox import checkouts
from payments.models import Coupon, CouponUse, Payment, TaxRate
from payments.services.checkout import purchase_begin, purchase_cancel
from payments.services.quoting import purchase_quote
from payments.services.sandbox import events_deliver

pytestmark = pytest.mark.django_db


def quote(code="", **more):
    return purchase_quote(user=UserFactory(), kind="thing", reference="one", coupon=code, **more)


def test_a_share_and_an_amount_and_the_tax_after_it(things):
    Coupon.objects.create(code="FIFTH", percent_bp=2_000)
    Coupon.objects.create(code="TEN", amount_minor=1_000, currency="USD")
    assert (quote("fifth").discount_minor, quote("fifth").total_minor) == (1_000, 4_000)
    assert quote(" ten ").total_minor == 4_000
    TaxRate.objects.create(country="IN", name="GST", rate_bp=1_800, starts_on=timezone.now().date())
    user = UserFactory()
    Profile.objects.get_or_create(user=user)
    Profile.objects.filter(user=user).update(country="IN")
    found = purchase_quote(user=user, kind="thing", reference="one", coupon="TEN")
    assert (found.tax_minor, found.total_minor, found.tax_name) == (720, 4_720, "GST")


def test_why_a_coupon_is_not_good(things):
    now = timezone.now()
    Coupon.objects.create(code="LATER", percent_bp=1, starts_at=now + timedelta(days=1))
    Coupon.objects.create(code="OVER", percent_bp=1, ends_at=now)
    Coupon.objects.create(code="OTHER", percent_bp=1, kinds=["plan"])
    Coupon.objects.create(code="RUPEES", amount_minor=1, currency="INR")
    Coupon.objects.create(code="OFF", percent_bp=1, is_active=False)
    for code, why in (
        ("NONE", "coupon_unknown"),
        ("OFF", "coupon_unknown"),
        ("LATER", "coupon_not_in_force"),
        ("OVER", "coupon_not_in_force"),
        ("OTHER", "coupon_for_something_else"),
        ("RUPEES", "coupon_for_another_currency"),
    ):
        with pytest.raises(Denied) as refusal:
            quote(code)
        assert refusal.value.code == why


def test_a_use_is_held_while_it_is_paid_and_free_again_when_it_is_not(things):
    Coupon.objects.create(code="ONCE", percent_bp=5_000, max_uses=1)
    user = UserFactory()
    view = purchase_begin(actor=user, kind="thing", reference="one", coupon="ONCE", idempotency_key="a")
    assert view.total_minor == 2_500
    with pytest.raises(Denied) as refusal:
        quote("ONCE")
    assert refusal.value.code == "coupon_used_up"
    purchase_cancel(actor=user, public_id=view.public_id)
    again = purchase_begin(actor=user, kind="thing", reference="one", coupon="ONCE", idempotency_key="b")
    checkouts.checkout_pay(again.url.rsplit("/", 1)[1], "pay")
    events_deliver()
    assert CouponUse.objects.get(payment_id=again.id).status == "used"
    assert Payment.objects.get(pk=again.id).allocated_minor == 2_500


def test_all_of_it_off_is_handed_over_at_once(things):
    Coupon.objects.create(code="GIFT", percent_bp=10_000)
    view = purchase_begin(actor=UserFactory(), kind="thing", reference="one", coupon="GIFT", idempotency_key="a")
    assert (view.status, view.total_minor, view.provider) == ("succeeded", 0, "")
    assert things.granted == [view.id]
