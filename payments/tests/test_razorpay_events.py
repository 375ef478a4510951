"""Razorpay's webhooks: which are believed, and what each is about."""

import time
from datetime import UTC, datetime

import pytest

from payments.adapters import razorpay as adapter
from payments.domain.ports import BadWebhookError, Hint, Ignored, ObjectKind
from payments.models import WebhookDelivery
from payments.tests.razorpay_server import event, signed

pytestmark = pytest.mark.django_db


def hook(body, header=None, **more):
    headers = {"x-razorpay-signature": signed(body) if header is None else header, "x-razorpay-event-id": "e", **more}
    return adapter.provider().webhook(body, headers, now=datetime.now(tz=UTC))


@pytest.mark.parametrize(
    ("body", "header", "code"),
    [
        (event("order.paid"), "", "signature_missing"),
        (event("order.paid"), "0" * 64, "signature_wrong"),
        (event("order.paid"), signed(event("order.paid"), "another"), "signature_wrong"),
        (event("order.paid"), "é" * 64, "signature_wrong"),
        (event("order.paid")[:-5], signed(event("order.paid")), "signature_wrong"),
        (b'{"event": "order.paid"', None, "body_unreadable"),
        (b"\xff\xfe", None, "body_unreadable"),
        (b"[]", None, "body_unreadable"),
        (event("order.paid", at=int(time.time()) - 26 * 3_600), None, "signature_stale"),
        (event("order.paid", at=int(time.time()) + 3_600), None, "signature_stale"),
    ],
    ids=["none", "wrong", "anothers", "not ascii", "cut", "no json", "no text", "no event", "old", "future"],
)
def test_a_webhook_that_is_not_believed(razorpay, body, header, code):
    with pytest.raises(BadWebhookError) as refusal:
        hook(body, header)
    assert refusal.value.code == code


_ENTITIES = {
    "order": {"id": "order_1"}, "payment": {"id": "pay_1", "order_id": "order_1"}, "refund": {"id": "rfnd_1"},
    "dispute": {"id": "disp_1"}, "payout": {"id": "pout_1"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("names", "kind", "ref"),
    [
        ("order.paid", ObjectKind.CHECKOUT, "order_1"),
        ("payment.authorized payment.captured payment.failed", ObjectKind.CHECKOUT, "order_1"),
        ("refund.created refund.processed refund.failed refund.speed_changed", ObjectKind.REFUND, "rfnd_1"),
        (
            "payment.dispute.created payment.dispute.under_review payment.dispute.action_required payment.dispute.won "
            "payment.dispute.lost payment.dispute.closed",
            ObjectKind.DISPUTE,
            "disp_1",
        ),
        (
            "payout.pending payout.rejected payout.queued payout.initiated payout.processed payout.updated "
            "payout.reversed payout.failed",
            ObjectKind.PAYOUT,
            "pout_1",
        ),
    ],
)
def test_every_event_names_what_to_look_at(razorpay, names, kind, ref):
    for name in names.split():
        said = hook(event(name, **_ENTITIES))
        assert isinstance(said, Hint)
        assert (said.kind, said.ref, said.event_id) == (kind, ref, "e")


@pytest.mark.parametrize(
    "name",
    ["settlement.processed", "subscription.charged", "invoice.paid", "fund_account.validation.completed", "new.thing",
     "transaction.created"],
)  # fmt: skip
def test_other_events_are_passed_over_with_a_reason(razorpay, name):
    said = hook(event(name, **_ENTITIES))
    assert isinstance(said, Ignored)
    assert said.reason


def test_a_payment_without_an_order_is_looked_at_itself_and_an_empty_one_is_not(razorpay):
    assert hook(event("payment.captured", payment={"id": "pay_9"})).kind == ObjectKind.CHARGE
    assert isinstance(hook(event("payment.captured")), Ignored)


def test_without_an_event_id_the_body_is_its_own(razorpay):
    one, other = event("order.paid", order={"id": "order_1"}), event("order.paid", order={"id": "order_2"})
    idents = [hook(body, **{"x-razorpay-event-id": ""}).event_id for body in (one, one, other)]
    assert idents[0] == idents[1] != idents[2]


def test_a_forged_webhook_is_kept_aside(razorpay, client):
    answer = client.post("/api/v1/webhooks/razorpay", event("order.paid"), content_type="application/json",
                         headers={"X-Razorpay-Signature": "0" * 64})  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (400, "signature_wrong")
    assert WebhookDelivery.objects.get().status == "rejected"
