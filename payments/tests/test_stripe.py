"""Stripe's own client against a Stripe on this machine, from buying to the statement."""

import json
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import DeviceSighting
from accounts.services.leads import leads_find
from accounts.tests.factories import UserFactory
from core.errors import DomainError, Unavailable
from core.services.books import verify
from payments.adapters import registry
from payments.adapters import stripe as adapter
from payments.adapters.stripe.money import from_stripe, to_stripe
from payments.domain.ports import BadWebhookError, Can, Hint, Ignored, ObjectKind, PayoutRequest, ProviderError
from payments.models import Payee, Payment, Subscription
from payments.selectors.books import balance_of
from payments.services import subscriptions
from payments.services.checkout import purchase_begin, purchase_cancel
from payments.services.payees import payee_begin
from payments.services.payout_sending import payout_send
from payments.services.plans import plans_sync
from payments.services.reconciliation import reconcile
from payments.services.refunding import refund_request
from payments.services.webhooks import webhooks_process_due
from payments.tests.factories_payouts import approved, known, owe
from payments.tests.stripe_server import SECRET, StripeServer, signed

pytestmark = pytest.mark.django_db


@pytest.fixture
def stripe(settings):
    server = StripeServer()
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL = "sk_test_x", server.url
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_next", SECRET]
    yield server
    server.close()


@pytest.fixture
def tell(client):
    """Deliver an event about an object, as Stripe does, and have it processed."""

    def deliver(event_type, row, process=True):
        event = {"id": f"evt_{time.monotonic_ns()}", "object": "event", "type": event_type, "created": int(time.time()),
                 "data": {"object": row}}  # fmt: skip
        body = json.dumps(event).encode()
        answer = client.post(
            "/api/v1/webhooks/stripe", body, content_type="application/json", headers={"Stripe-Signature": signed(body)}
        )
        assert answer.status_code == 200, answer.content
        if process:
            webhooks_process_due()

    return deliver


def begin(kind="thing", reference="one", user=None, **more):
    return purchase_begin(
        actor=user or UserFactory(), kind=kind, reference=reference, provider="stripe", idempotency_key="k", **more
    )


def session_of(view):
    return Payment.objects.get(pk=view.id).checkout_ref


def test_paid_once_whatever_is_told_first(stripe, tell, things):
    view = begin()
    assert view.url.startswith("https://checkout.stripe.com/")
    assert begin(user=Payment.objects.get(pk=view.id).user).id == view.id
    intent = stripe.pay(session_of(view))
    tell("payment_intent.succeeded", intent)
    tell("checkout.session.completed", stripe.get(session_of(view)))
    tell("charge.succeeded", {"id": "ch_1", "payment_intent": intent["id"]})
    payment = Payment.objects.get(pk=view.id)
    assert (payment.status, payment.charge_ref, payment.captured_minor) == ("succeeded", intent["id"], 5_000)
    assert things.granted == [payment.pk]
    refund_request(actor=None, payment_id=payment.pk, amount_minor=1_000, reason="x", idempotency_key="r")
    payment.refresh_from_db()
    assert payment.refunded_minor == 1_000
    run = reconcile(provider="stripe", since=timezone.now() - timedelta(days=1), until=timezone.now())
    assert (run.status, run.balances) == ("clean", {"USD": [3_941, 3_941]})
    assert verify().is_sound


def test_two_people_with_one_card_are_a_lead(stripe, tell, things):
    for reference in ("one", "two"):
        view = begin(reference=reference)
        stripe.pay(session_of(view))
        tell("checkout.session.completed", stripe.get(session_of(view)))
    assert leads_find() == 1
    assert "fp_one" not in str(list(DeviceSighting.objects.values()))


def test_a_dispute_takes_and_gives_back(stripe, tell, things):
    view = begin()
    intent = stripe.pay(session_of(view))
    tell("checkout.session.completed", stripe.get(session_of(view)))
    dispute = stripe.dispute(intent["id"])
    tell("charge.dispute.created", dispute)
    assert Payment.objects.get(pk=view.id).status == "disputed"
    assert balance_of("dispute:stripe", "USD") == 5_000
    dispute |= {"status": "won", "balance_transactions": [{"amount": -5_000}, {"amount": 5_000}]}
    tell("charge.dispute.closed", dispute)
    assert Payment.objects.get(pk=view.id).status == "succeeded"
    assert balance_of("dispute:stripe", "USD") == 0


def test_a_plan_with_its_bills_changes_and_end(stripe, tell):
    plans_sync()
    user = UserFactory()
    view = begin("plan", "pro-1-usd-month", user)
    bill = stripe.pay(session_of(view))
    made = stripe.get(session_of(view))["subscription"]
    tell("invoice.paid", bill)  # before anything else is known
    tell("checkout.session.completed", stripe.get(session_of(view)))
    payment = Payment.objects.get(pk=view.id)
    assert (payment.status, payment.plan_grant.plan.code) == ("succeeded", "pro")
    tell("invoice.paid", stripe.renew(made))
    assert Payment.objects.filter(status="succeeded", subscription__ref=made).count() == 2
    subscriptions.subscription_change(actor=user, price_code="elite-1-usd-month", idempotency_key="up")
    assert Payment.objects.filter(title__contains="change of plan", status="succeeded").count() == 1
    assert Subscription.objects.get().price.plan.code == "elite"
    assert subscriptions.subscription_cancel(actor=user, idempotency_key="c").cancel_at_period_end
    assert not subscriptions.subscription_resume(actor=user, idempotency_key="r").cancel_at_period_end
    assert subscriptions.portal_url(actor=user).startswith("https://billing.stripe.com")
    stripe.get(made)["status"] = "past_due"
    tell("customer.subscription.updated", stripe.get(made))
    assert Subscription.objects.get().grace_until is not None
    run = reconcile(provider="stripe", since=timezone.now() - timedelta(days=1), until=timezone.now())
    assert run.status == "clean", list(run.differences.values())


def test_a_page_is_closed_and_one_that_was_paid_is_not(stripe, things):
    view = begin()
    purchase_cancel(actor=Payment.objects.get(pk=view.id).user, public_id=view.public_id)
    assert stripe.get(session_of(view))["status"] == "expired"
    second = begin(reference="two")
    stripe.pay(session_of(second))
    with pytest.raises(DomainError) as refusal:
        purchase_cancel(actor=Payment.objects.get(pk=second.id).user, public_id=second.public_id)
    assert refusal.value.code == "payment_in_progress"
    assert things.granted == [second.id]  # asked about in passing, and paid


def test_a_failing_stripe_is_asked_again_with_the_same_key(stripe, things):
    user = UserFactory()
    stripe.fail = [500, 500, 500]
    with pytest.raises(Unavailable):
        begin(user=user)
    stripe.after = [500]  # it acts, and then answers with an error; the client's own retry gets the first result
    view = begin(user=user)
    assert len(stripe.all("checkout.session")) == 1
    assert {key for method, path, _, key in stripe.asked if path.endswith("sessions") and method == "POST"} == {
        f"checkout-{view.public_id}:checkout"
    }
    stripe.fail = [429]
    with pytest.raises(ProviderError) as slowly:
        adapter.provider().charge("pi_1")
    assert (slowly.value.is_retryable, slowly.value.is_unknown) == (True, False)
    stripe.fail = [402]
    with pytest.raises(ProviderError) as declined:
        adapter.provider().charge("pi_1")
    assert (declined.value.code, declined.value.is_retryable) == ("card_declined", False)


def test_nobody_there(settings, things):
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL, settings.PAYMENT_TIMEOUT = (
        "sk_test_y",
        "http://127.0.0.1:9",
        0.5,
    )
    with pytest.raises(Unavailable):
        begin()


def test_payouts_by_connect(stripe, tell):
    user = known(UserFactory())
    view, url = payee_begin(actor=user, country="US", currency="USD")
    assert (view.provider, url[:27], view.is_ready) == ("stripe", "https://connect.stripe.com/", False)
    row = stripe.get(Payee.objects.get(user=user).ref)
    row |= {
        "payouts_enabled": True, "details_submitted": True, "capabilities": {"transfers": "active"},
        "requirements": {"currently_due": []},
        "external_accounts": {"data": [{"bank_name": "Bank", "last4": "6789"}]},
    }  # fmt: skip
    tell("account.updated", row)
    payee = Payee.objects.get(user=user)
    assert (payee.is_ready, payee.label) == (True, "Bank, ending 6789")
    Payee.objects.update(changed_at=timezone.now() - timedelta(days=9))
    owe(user, 5_000)
    payout = approved(user)
    payout_send(payout.pk)
    payout.refresh_from_db()
    assert payout.status == "paid"
    found = adapter.provider().payout_find(str(payout.public_id))
    assert (found.ref, found.amount_minor) == (payout.ref, 5_000)
    assert adapter.provider().payout_find("nothing") is None
    transfer = stripe.get(payout.ref)
    transfer["reversed"] = True
    tell("transfer.reversed", transfer)
    payout.refresh_from_db()
    assert payout.status == "returned"
    again = PayoutRequest("x", payee.ref, 100, "USD", "x")
    adapter.provider().payout_create(again, key="same")
    with pytest.raises(ProviderError) as other:
        adapter.provider().payout_create(PayoutRequest("x", payee.ref, 101, "USD", "x"), key="same")
    assert other.value.code == "idempotency_error"


def event(event_type, **row):
    return json.dumps(
        {"id": "evt_1", "type": event_type, "created": 1, "data": {"object": {"id": "x_1", **row}}}
    ).encode()


# Stripe's table of events, by area.
HANDLED = {
    ObjectKind.CHECKOUT: "checkout.session.completed checkout.session.async_payment_succeeded "
    "checkout.session.async_payment_failed checkout.session.expired",
    ObjectKind.CHARGE: "payment_intent.succeeded payment_intent.payment_failed payment_intent.processing "
    "payment_intent.requires_action payment_intent.canceled payment_intent.amount_capturable_updated charge.succeeded "
    "charge.failed charge.captured charge.refunded charge.updated",
    ObjectKind.REFUND: "refund.created refund.updated refund.failed",
    ObjectKind.DISPUTE: "charge.dispute.created charge.dispute.updated charge.dispute.closed "
    "charge.dispute.funds_withdrawn charge.dispute.funds_reinstated",
    ObjectKind.SUBSCRIPTION: "customer.subscription.created customer.subscription.updated "
    "customer.subscription.deleted "
    "customer.subscription.paused customer.subscription.resumed customer.subscription.pending_update_applied "
    "customer.subscription.pending_update_expired",
    ObjectKind.INVOICE: "invoice.created invoice.finalized invoice.finalization_failed invoice.paid "
    "invoice.payment_failed invoice.payment_action_required invoice.payment_attempt_required invoice.voided "
    "invoice.marked_uncollectible invoice.overdue",
    ObjectKind.PAYEE: "account.updated account.application.deauthorized account.external_account.created "
    "account.external_account.deleted capability.updated",
    ObjectKind.PAYOUT: "transfer.created transfer.updated transfer.reversed",
}
PASSED_OVER = (
    "customer.subscription.trial_will_end invoice.upcoming payout.created payout.updated payout.paid payout.failed "
    "payout.canceled payout.reconciliation_completed balance.available customer.created something.new"
)


def read(body, header, now=None):
    return adapter.provider().webhook(body, {"stripe-signature": header}, now=now or timezone.now())


@pytest.mark.parametrize(("kind", "types"), [(kind, types.split()) for kind, types in HANDLED.items()])
def test_every_event_is_about_something(stripe, kind, types):
    for event_type in types:
        body = event(event_type, payment_intent="pi_9", account="acct_9")
        found = read(body, signed(body))
        assert isinstance(found, Hint), event_type
        wanted = {ObjectKind.CHARGE: ("x_1", "pi_9"), ObjectKind.PAYEE: ("x_1", "acct_9")}.get(kind, ("x_1",))
        assert (found.kind, found.ref in wanted) == (kind, True), event_type


def test_or_is_passed_over_with_a_reason(stripe):
    for event_type in PASSED_OVER.split():
        body = event(event_type)
        found = read(body, signed(body))
        assert isinstance(found, Ignored), event_type
        assert found.reason


def test_signatures(stripe):
    body, now = event("invoice.paid"), int(time.time())
    assert read(body, signed(body))
    assert read(body, f"{signed(body)},v0=00")
    digest = signed(body, now).partition("v1=")[2]
    assert read(body, f"t={now},v1=00,v1={digest}")  # two secrets while one is changed for the other
    for header, sent, code in (
        (signed(body, now - 301), body, "signature_stale"),
        (signed(body, now + 301), body, "signature_stale"),
        (signed(body, secret="whsec_other"), body, "signature_wrong"),
        (signed(body), body + b" ", "signature_wrong"),
        (signed(body), body[:-3], "signature_wrong"),
        (f"t={now},v0={digest}", body, "signature_wrong"),
        ("nonsense", body, "signature_wrong"),
        ("", body, "signature_missing"),
        (signed(b"\xff"), b"\xff", "body_unreadable"),
        (signed(b"{}"), b"{}", "body_unreadable"),
        (signed(b"[1"), b"[1", "body_unreadable"),
    ):
        with pytest.raises(BadWebhookError) as refusal:
            read(sent, header)
        assert refusal.value.code == code, header


def test_amounts_as_stripe_counts_them():
    assert [to_stripe(5, "JPY"), to_stripe(1_230, "KWD"), to_stripe(5, "ISK"), to_stripe(5, "USD")] == [
        5,
        1_230,
        500,
        5,
    ]
    assert from_stripe(500, "isk") == 5
    with pytest.raises(ProviderError):
        to_stripe(1_234, "KWD")


def test_real_money_comes_before_the_sandbox(stripe):
    assert [one.name for one in registry.available(can=Can.PAY, currency="USD")] == ["stripe", "sandbox"]
