"""Razorpay where it is less tidy: money that never came in, references of others, no answers, late endings."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import Unavailable
from core.services.books import verify
from payments.adapters import registry
from payments.adapters.razorpay.calls import Session
from payments.domain.ports import MovementKind, ProviderError
from payments.models import Payment, Payout, Refund, WebhookDelivery
from payments.services.checkout import purchase_begin
from payments.services.payees import payee_begin
from payments.services.payout_sending import payout_send
from payments.services.reconciliation import reconcile
from payments.services.refunding import refund_request
from payments.services.webhooks import webhooks_process_due
from payments.tests.factories_payouts import approved, known, owe
from payments.tests.razorpay_server import event, signed

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture(autouse=True)
def no_lag(monkeypatch):
    """The statement is up to date: what is not on it is missed at once."""
    monkeypatch.setattr("payments.services.reconciliation.LATE", timedelta(0))


@pytest.fixture
def rupees(things):
    things.currency = "INR"
    return things


@pytest.fixture
def tell(client):
    """Deliver an event and have it processed; the delivery."""

    def deliver(name, **entities):
        body = event(name, **entities)
        headers = {"X-Razorpay-Signature": signed(body), "X-Razorpay-Event-Id": f"evt{time.monotonic_ns()}"}
        answer = client.post("/api/v1/webhooks/razorpay", body, content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.content
        webhooks_process_due()
        return WebhookDelivery.objects.latest("pk")

    return deliver


def begin(user=None):
    return purchase_begin(
        actor=user or UserFactory(), kind="thing", reference="one", provider="razorpay", idempotency_key="k"
    )


def row_of(view):
    return Payment.objects.get(pk=view.id)


def run(days=1):
    return reconcile(provider="razorpay", since=timezone.now() - timedelta(days=days), until=timezone.now())


# ---- Money that never came in


def given_back(razorpay, order_ref):
    """A payment that nobody captured, and Razorpay gave back by itself."""
    paid = razorpay.attempt(order_ref, "authorized")
    paid |= {"status": "refunded", "amount_refunded": paid["amount"]}
    return paid, razorpay.make(
        "refunds", payment_id=paid["id"], amount=paid["amount"], currency="INR", status="processed"
    )


def test_what_razorpay_gave_back_uncaptured_never_came_in(razorpay, tell, rupees):
    view = begin()
    paid, refund = given_back(razorpay, row_of(view).checkout_ref)
    tell("payment.authorized", payment=paid)
    tell("refund.processed", refund=refund, payment=paid)
    payment = row_of(view)
    assert (payment.charge_ref, payment.captured_minor, payment.status) == ("", 0, "requires_action")
    assert not Refund.objects.exists()
    assert run().status == "clean"
    # The order can still be paid, and the next attempt counts.
    tell("payment.captured", payment=razorpay.attempt(payment.checkout_ref))
    assert rupees.granted == [view.id]
    assert run().status == "clean"


def test_it_grants_nothing_even_before_the_refund_is_on_the_list(razorpay, tell, rupees):
    view = begin()
    paid = razorpay.attempt(row_of(view).checkout_ref, "authorized")
    paid["status"] = "refunded"
    tell("order.paid", payment=paid, order=razorpay.get(row_of(view).checkout_ref))
    assert (rupees.granted, row_of(view).captured_minor) == ([], 0)


def test_an_attempt_that_cannot_be_captured_leaves_the_order_to_the_next_one(razorpay, tell, rupees):
    view = begin()
    held = razorpay.attempt(row_of(view).checkout_ref, "authorized")
    take, razorpay.post_capture = razorpay.post_capture, lambda row, asked: (400, {"error": {"description": "No."}})
    tell("payment.authorized", payment=held)
    assert row_of(view).charge_ref == ""
    razorpay.post_capture = take
    held["status"] = "refunded"
    tell("payment.captured", payment=razorpay.attempt(row_of(view).checkout_ref))
    assert rupees.granted == [view.id]


# ---- References that are not ours


def test_orders_of_another_shop_on_the_same_account_are_left_alone(razorpay, tell, rupees):
    order = razorpay.make("orders", amount=700, status="created", attempts=0, receipt="Bill No. 7")
    held = razorpay.attempt(order["id"], "authorized")
    for _ in range(3):
        WebhookDelivery.objects.update(next_at=timezone.now())
        said = tell("payment.authorized", payment=held)
    assert razorpay.get(held["id"])["status"] == "authorized"
    assert "Error" not in said.reason


def test_a_refund_made_at_razorpay_with_a_receipt_of_its_own(razorpay, tell, rupees):
    view = begin()
    paid = razorpay.attempt(row_of(view).checkout_ref)
    tell("payment.captured", payment=paid)
    made = razorpay.make(
        "refunds", payment_id=paid["id"], amount=500, currency="INR", status="processed", receipt="Receipt No. 31"
    )
    assert tell("refund.processed", refund=made).status == "processed"
    assert row_of(view).refunded_minor == 500
    assert verify().is_sound


def test_a_payout_made_by_hand(razorpay, tell):
    made = razorpay.make("payouts", amount=500, currency="INR", status="processed", reference_id="Rent, May")
    assert "Error" not in tell("payout.processed", payout=made).reason


def test_a_list_that_does_not_know_its_filter_gives_nobody_elses_order(razorpay, rupees):
    razorpay.make("orders", amount=1, status="created", attempts=0, receipt="another", currency="INR")
    razorpay.make("payouts", amount=1, status="processed", reference_id="another", currency="INR")
    listed = razorpay.listed
    razorpay.listed = lambda kind, asked: listed(
        kind, {name: value for name, value in asked.items() if name not in ("receipt", "reference_id")}
    )
    assert razorpay.get(row_of(begin()).checkout_ref)["amount"] == 5_000
    assert registry.provider("razorpay").payout_find("a" * 36) is None


# ---- No answer


@pytest.fixture
def impatient(settings):
    settings.PAYMENT_TIMEOUT = 0.4


def slowly(razorpay, name):
    """From now on `name` acts at once, and says so too late."""
    act = getattr(razorpay, name)

    def late(*args):
        made = act(*args)
        time.sleep(0.8)
        return made

    setattr(razorpay, name, late)
    return lambda: setattr(razorpay, name, act)


def test_an_order_that_was_made_and_not_told_is_found(razorpay, impatient, rupees):
    user = UserFactory()
    quickly = slowly(razorpay, "make_orders")
    with pytest.raises(Unavailable):
        begin(user)
    quickly()
    view = begin(user)
    assert [row["id"] for row in razorpay.rows["orders"].values()] == [row_of(view).checkout_ref]


def test_a_payout_that_was_made_and_not_told_is_found_and_not_sent_again(razorpay, impatient):
    user = known(UserFactory())
    payee_begin(actor=user, country="IN", currency="INR", details={"name": "Asha", "vpa": "asha@bank"})
    owe(user, 50_000, "INR")
    payout = approved(user, 40_000, currency="INR")
    quickly = slowly(razorpay, "make_payouts")
    payout_send(payout.pk)
    assert Payout.objects.get(pk=payout.pk).status == "sending"
    quickly()
    Payout.objects.update(next_at=timezone.now())
    payout_send(payout.pk)
    assert Payout.objects.get(pk=payout.pk).status == "sent"
    assert [(row["mode"], row["amount"]) for row in razorpay.rows["payouts"].values()] == [("UPI", 40_000)]
    assert [method for method, path, *_ in razorpay.asked if (method, path) == ("POST", "/v1/payouts")] == ["POST"]


def test_what_it_says_of_a_reason_that_is_none(razorpay):
    razorpay.act = lambda *args: (400, {"error": {"code": "BAD_REQUEST_ERROR", "reason": "NA", "description": "No."}})
    with pytest.raises(ProviderError) as refusal:
        registry.provider("razorpay").charge("pay_1")
    assert refusal.value.code == "bad_request_error"


def test_certificates_are_those_of_today(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        "requests.Session.request", lambda self, method, url, **options: seen.update(options) or _Answer()
    )
    Session(1.0).get("https://api.razorpay.com/v1/x", verify="/an/old/bundle.crt")
    assert (seen["verify"], seen["timeout"]) == (True, 1.0)


class _Answer:
    ok, status_code = True, 204


# ---- Another currency, and late endings on the statement


def test_another_currency_than_asked_for_is_not_handed_over(razorpay, tell, rupees):
    view = begin()
    paid = razorpay.attempt(row_of(view).checkout_ref)
    paid["currency"] = "USD"
    tell("payment.captured", payment=paid)
    assert (rupees.granted, row_of(view).problem) == ([], "currency_differs")
    assert verify().is_sound


def test_a_refund_under_way_and_one_that_failed(razorpay, tell, rupees):
    view = begin()
    tell("payment.captured", payment=razorpay.attempt(row_of(view).checkout_ref))
    refund_request(actor=None, payment_id=view.id, amount_minor=1_000, reason="x", idempotency_key="a")
    made = next(iter(razorpay.rows["refunds"].values()))
    made["status"] = "pending"
    tell("refund.created", refund=made)
    lines = list(registry.provider("razorpay").movements(since=timezone.now() - timedelta(1), until=timezone.now()))
    assert [line.kind for line in lines] == [MovementKind.CHARGE, MovementKind.REFUND]
    made["status"] = "failed"
    tell("refund.failed", refund=made)
    assert row_of(view).refunded_minor == 0
    assert run().status == "clean"


def test_a_dispute_lost_long_after_it_began(razorpay, tell, rupees):
    view = begin()
    paid = razorpay.attempt(row_of(view).checkout_ref)
    tell("payment.captured", payment=paid)
    old = int(time.time()) - 60 * DAY
    paid["created_at"] = old - DAY
    dispute = razorpay.dispute(paid, created_at=old, amount_deducted=0)
    tell("payment.dispute.created", dispute=dispute, payment=paid)
    dispute |= {"status": "lost", "amount_deducted": paid["amount"]}
    tell("payment.dispute.lost", dispute=dispute, payment=paid)
    differing = run(days=35).differences.values_list("source_ref", flat=True)
    assert dispute["id"] not in list(differing)


def test_a_payout_that_comes_back_days_later(razorpay, tell):
    user = known(UserFactory())
    payee_begin(actor=user, country="IN", currency="INR", details={"name": "Asha", "vpa": "asha@bank"})
    owe(user, 50_000, "INR")
    payout = approved(user, 40_000, currency="INR")
    payout_send(payout.pk)
    made = next(iter(razorpay.rows["payouts"].values()))
    assert run().status == "clean"  # it is processing
    made["status"] = "processed"
    tell("payout.processed", payout=made)
    made |= {"status": "reversed", "created_at": made["created_at"] - 3 * DAY}
    tell("payout.reversed", payout=made)
    assert Payout.objects.get(pk=payout.pk).status == "returned"
    assert run().status == "clean"
    assert verify().is_sound
