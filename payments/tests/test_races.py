"""Everybody at once, on real connections."""

import pytest
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import DomainError
from core.services.books import verify
from core.tests.threads import race
from payments.adapters import registry
from payments.adapters.sandbox import checkouts
from payments.domain.ports import ObjectKind
from payments.models import Coupon, CouponUse, Invoice, Payment, Payout, Refund, SandboxObject
from payments.selectors.books import balance_of
from payments.services.checkout import purchase_begin
from payments.services.closing import payment_close
from payments.services.payout_sending import payout_send
from payments.services.payouts import payout_request
from payments.services.refunding import refund_request, refunds_send_due
from payments.services.sync import object_sync
from payments.tests.factories_payouts import approved, payable

pytestmark = pytest.mark.django_db(transaction=True)


def begun(**more):
    view = purchase_begin(actor=UserFactory(), kind="thing", reference="one", idempotency_key="k", **more)
    return Payment.objects.get(pk=view.id)


def test_sixteen_tell_of_one_success(things):
    payment = begun()
    checkouts.checkout_pay(payment.checkout_ref, "pay")
    told = race(16, lambda _: object_sync("sandbox", ObjectKind.CHECKOUT, payment.checkout_ref))
    assert told == [True] * 16
    assert things.granted == [payment.pk]
    assert Invoice.objects.count() == 1
    assert balance_of("clearing:sandbox", "USD") == 5_000
    assert verify().is_sound


def test_two_clicks_and_two_tabs(things):
    user = UserFactory()
    made = race(
        8, lambda n: purchase_begin(actor=user, kind="thing", reference="one", idempotency_key=f"k{n % 2}").public_id
    )
    assert len(set(made)) == 1, made
    assert Payment.objects.count() == SandboxObject.objects.filter(kind="checkout").count() == 1


def test_ten_people_and_one_coupon(things):
    Coupon.objects.create(code="ONCE", percent_bp=1_000, max_uses=1)
    people = [UserFactory() for _ in range(10)]
    made = race(
        10, lambda n: purchase_begin(actor=people[n], kind="thing", reference="one", coupon="ONCE", idempotency_key="k")
    )
    assert sum(not isinstance(found, Exception) for found in made) == 1
    assert {found.code for found in made if isinstance(found, DomainError)} == {"coupon_used_up"}
    assert CouponUse.objects.count() == Payment.objects.count() == 1


def test_refunds_in_parallel_give_back_no_more_than_came(things):
    payment = begun()
    checkouts.checkout_pay(payment.checkout_ref, "pay")
    object_sync("sandbox", ObjectKind.CHECKOUT, payment.checkout_ref)
    race(
        8,
        lambda n: refund_request(
            actor=None, payment_id=payment.pk, amount_minor=2_000, reason="x", idempotency_key=f"r{n}"
        ),
    )
    refunds_send_due()
    payment.refresh_from_db()
    assert (Refund.objects.count(), payment.refunded_minor) == (2, 4_000)
    assert balance_of("clearing:sandbox", "USD") == 1_000
    assert things.revoked == []


def test_paid_in_the_second_in_which_it_closes(things):
    for number in range(6):
        view = purchase_begin(actor=UserFactory(), kind="thing", reference=f"r{number}", idempotency_key="k")
        ref = view.url.rsplit("/", 1)[1]

        def act(index, ref=ref, view=view):
            if index:
                return payment_close(view.id, note="x")
            checkouts.checkout_pay(ref, "pay")
            return object_sync("sandbox", ObjectKind.CHECKOUT, ref)

        race(2, act)
        object_sync("sandbox", ObjectKind.CHECKOUT, ref)
        payment = Payment.objects.get(pk=view.id)
        is_paid = bool(registry.provider("sandbox").checkout(ref).charge_ref)
        assert (payment.status, payment.captured_minor) == (("succeeded", 5_000) if is_paid else ("expired", 0))
        assert things.granted.count(payment.pk) == is_paid


def test_one_balance_and_many_requests():
    user = payable(5_000)
    made = race(6, lambda n: payout_request(actor=user, amount_minor=3_000, currency="USD", idempotency_key=f"k{n}").id)
    assert sum(isinstance(found, int) for found in made) == 1, made
    assert balance_of(f"payable:{user.pk}", "USD") == -2_000
    assert verify().is_sound


def test_eight_send_one_payout():
    payout = approved(payable(5_000))
    sent = race(8, lambda _: payout_send(payout.pk))
    assert sum(found is True for found in sent) == 1, sent
    assert SandboxObject.objects.filter(kind="payout").count() == 1
    assert Payout.objects.get().status == "sent"
    assert Payout.objects.get().sent_at <= timezone.now()
