"""Buying from the first click to what was bought, through the sandbox and its webhooks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import Conflict, DomainError
from core.services.books import verify
from payments import entitlements
from payments.adapters.sandbox import charges, checkouts
from payments.domain.catalogue import Feature
from payments.models import Invoice, Payment, PlanGrant, Refund, SandboxObject, Subscription, WebhookDelivery
from payments.selectors.books import balance_of
from payments.services.checkout import purchase_begin
from payments.services.closing import payments_expire_due
from payments.services.dunning import subscriptions_tidy
from payments.services.plans import plans_sync
from payments.services.refunding import refund_request, refunds_send_due
from payments.services.sandbox import events_deliver, sandbox_tick

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer():
    return UserFactory()


def begin(buyer, kind="thing", reference="one", key="k1", **more):
    return purchase_begin(actor=buyer, kind=kind, reference=reference, idempotency_key=key, **more)


def page(view):
    return view.url.rsplit("/", 1)[1]


def test_what_is_paid_is_handed_over_once_and_booked(buyer, things):
    view = begin(buyer)
    assert (view.status, view.total_minor, view.is_simulated) == ("requires_action", 5_000, True)
    assert begin(buyer).public_id == view.public_id
    checkouts.checkout_pay(page(view), "pay")
    assert Payment.objects.get(pk=view.id).status == "requires_action"  # not before the provider's word
    events_deliver()
    payment = Payment.objects.get(pk=view.id)
    assert (payment.status, payment.captured_minor, payment.allocated_minor) == ("succeeded", 5_000, 5_000)
    assert things.granted == [payment.pk]
    assert balance_of("clearing:sandbox", "USD") == 5_000
    assert balance_of("prize_pool:one", "USD") == -4_500
    assert balance_of("revenue:things", "USD") == -500
    assert balance_of(f"customer:{buyer.pk}", "USD") == 0
    assert Invoice.objects.get(payment=payment).total_minor == 5_000
    assert not WebhookDelivery.objects.exclude(status="processed").exists()
    assert verify().is_sound


def test_a_declined_card_may_be_followed_by_one_that_works(buyer, things):
    view = begin(buyer)
    checkouts.checkout_pay(page(view), "decline")
    events_deliver()
    payment = Payment.objects.get(pk=view.id)
    assert (payment.status, bool(payment.failure)) == ("failed", True)
    checkouts.checkout_pay(page(view), "pay")
    events_deliver()
    payment.refresh_from_db()
    assert payment.status == "succeeded"
    assert things.granted == [payment.pk]


def test_nobody_pays(buyer, things):
    view = begin(buyer)
    Payment.objects.filter(pk=view.id).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert payments_expire_due() == 1
    events_deliver()
    assert Payment.objects.get(pk=view.id).status == "expired"
    assert (things.held, things.released, things.granted) == ([view.id], [view.id], [])


def test_success_after_the_place_is_gone_is_given_back(buyer, things):
    view = begin(buyer)
    things.refuse = Conflict("sold_out", "There is no place left.")
    checkouts.checkout_pay(page(view), "pay")
    events_deliver()
    payment = Payment.objects.get(pk=view.id)
    assert (payment.problem, payment.granted_at) == ("not_granted:sold_out", None)
    assert refunds_send_due() == 1
    events_deliver()
    payment.refresh_from_db()
    assert (payment.status, payment.refunded_minor) == ("refunded", 5_000)
    assert balance_of("clearing:sandbox", "USD") == balance_of(f"customer:{buyer.pk}", "USD") == 0
    assert verify().is_sound


def test_refunds_take_from_each_share_and_never_more_than_there_is(buyer, things):
    view = begin(buyer)
    checkouts.checkout_pay(page(view), "pay")
    events_deliver()
    refund_request(actor=None, payment_id=view.id, amount_minor=1_001, reason="Sorry", idempotency_key="r1")
    refund_request(actor=None, payment_id=view.id, amount_minor=1_001, reason="Sorry", idempotency_key="r1")
    assert Refund.objects.count() == 1
    with pytest.raises(Conflict, match="more than is left"):
        refund_request(actor=None, payment_id=view.id, amount_minor=4_000, reason="Sorry", idempotency_key="r2")
    assert things.revoked == []
    charge = Payment.objects.get(pk=view.id).charge_ref
    charges.refund_at_provider(charge, 3_999)
    events_deliver()
    payment = Payment.objects.get(pk=view.id)
    assert (payment.status, things.revoked) == ("refunded", [payment.pk])
    for account in ("clearing:sandbox", "prize_pool:one", "revenue:things", f"customer:{buyer.pk}"):
        assert balance_of(account, "USD") == 0, account
    assert Invoice.objects.filter(kind="credit_note").count() == 2


def test_a_dispute_won_and_a_dispute_lost(buyer, things):
    first, second = begin(buyer), begin(buyer, reference="two", key="k2")
    for view in (first, second):
        checkouts.checkout_pay(page(view), "pay")
    events_deliver()
    for view, won in ((first, True), (second, False)):
        dispute = charges.dispute_open(Payment.objects.get(pk=view.id).charge_ref)
        events_deliver()
        assert Payment.objects.get(pk=view.id).status == "disputed"
        assert balance_of("dispute:sandbox", "USD") == 5_000
        charges.dispute_close(dispute.ref, won=won)
        events_deliver()
        assert balance_of("dispute:sandbox", "USD") == 0
    assert Payment.objects.get(pk=first.id).status == "succeeded"
    lost = Payment.objects.get(pk=second.id)
    assert (lost.status, lost.lost_minor, things.revoked) == ("disputed", 5_000, [lost.pk])
    assert balance_of("clearing:sandbox", "USD") == 5_000
    assert balance_of("prize_pool:two", "USD") == 0


def test_another_amount_than_asked_is_kept_for_people_to_look_at(buyer, things):
    view = begin(buyer)
    ref = page(view)
    row = SandboxObject.objects.get(ref=ref)
    row.data = {**row.data, "amount": 4_999}
    row.save()
    checkouts.checkout_pay(ref, "pay")
    events_deliver()
    payment = Payment.objects.get(pk=view.id)
    assert (payment.problem, payment.granted_at, things.granted) == ("amount_differs", None, [])
    assert balance_of(f"customer:{buyer.pk}", "USD") == -4_999


class TestPlans:
    @pytest.fixture(autouse=True)
    def _plans(self, db):
        plans_sync()

    def buy(self, buyer, price="pro-1-usd-month"):
        view = begin(buyer, kind="plan", reference=price)
        checkouts.checkout_pay(page(view), "pay")
        events_deliver()
        return Payment.objects.get(pk=view.id)

    def test_bought_used_refunded(self, buyer):
        assert plans_sync() == []
        with pytest.raises(DomainError) as refusal:
            entitlements.require(buyer.pk, Feature.ANALYTICS)
        assert (refusal.value.code, refusal.value.status) == ("plan_required", 402)
        assert refusal.value.details["buy"] == ["Basic", "Pro", "Elite", "Enterprise"]
        payment = self.buy(buyer)
        assert payment.status == "succeeded"
        assert payment.plan_grant.plan.code == "pro"
        entitlements.require(buyer.pk, Feature.ANALYTICS)
        assert balance_of("deferred:plans", "USD") == -2_900
        with pytest.raises(Conflict, match="already"):
            begin(buyer, kind="plan", reference="elite-1-usd-month", key="k9")
        refund_request(actor=None, payment_id=payment.pk, amount_minor=None, reason="Sorry", idempotency_key="r")
        with pytest.raises(DomainError):
            entitlements.require(buyer.pk, Feature.ANALYTICS)
        assert subscriptions_tidy() == 1
        assert Subscription.objects.get().status == "canceled"
        assert verify().is_sound

    def test_a_renewal_is_a_payment_of_its_own(self, buyer):
        payment = self.buy(buyer)
        row = SandboxObject.objects.get(kind="subscription")
        ended = timezone.now() - timedelta(seconds=5)
        row.data = {**row.data, "end": ended.isoformat(), "moves_at": ended.isoformat()}
        row.save()
        sandbox_tick()
        assert Payment.objects.count() == 2
        renewal = Payment.objects.exclude(pk=payment.pk).get()
        assert (renewal.status, renewal.total_minor, renewal.title) == ("succeeded", 2_900, "Pro, monthly: renewal")
        assert PlanGrant.objects.count() == 2

    def test_free_uses_run_out(self, buyer):
        assert [entitlements.use_in_tx(buyer.pk, Feature.TRADES) for _ in range(4)] == [1, 2, 3, 4]
        with pytest.raises(DomainError) as refusal:
            entitlements.use_in_tx(buyer.pk, Feature.TRADES)
        assert refusal.value.code == "plan_limit_reached"
        self.buy(buyer)
        assert entitlements.use_in_tx(buyer.pk, Feature.TRADES) == 5
