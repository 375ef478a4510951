"""Razorpay's own client against a Razorpay on this machine, from buying to the statement."""

import re
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import DomainError, Invalid, Unavailable
from core.services.books import verify
from payments.adapters import registry
from payments.domain.bank import indian_account
from payments.domain.ports import Can, PayoutRequest, ProviderError
from payments.models import Payee, Payment, Payout, Refund
from payments.selectors.books import balance_of
from payments.services.checkout import purchase_begin, purchase_cancel
from payments.services.closing import payments_ask_again
from payments.services.payees import payee_begin
from payments.services.payout_sending import payout_send
from payments.services.reconciliation import reconcile
from payments.services.refunding import refund_request, refunds_send_due
from payments.services.webhooks import webhooks_process_due
from payments.tests.factories_payouts import approved, known, owe
from payments.tests.razorpay_server import KEY, SECRET, RazorpayServer, event, signed, signed_return

pytestmark = pytest.mark.django_db
BANK = {"name": "Asha  Rao", "account_number": "1234 5678 9012", "ifsc": "hdfc0001234"}


@pytest.fixture
def rupees(things):
    things.currency = "INR"
    return things


@pytest.fixture
def tell(client):
    """Deliver an event, as Razorpay does, and have it processed."""

    def deliver(name, ident="", **entities):
        body = event(name, **entities)
        headers = {"X-Razorpay-Signature": signed(body), "X-Razorpay-Event-Id": ident or f"evt{time.monotonic_ns()}"}
        answer = client.post("/api/v1/webhooks/razorpay", body, content_type="application/json", headers=headers)
        assert answer.status_code == 200, answer.content
        webhooks_process_due()
        return answer.json()["code"]

    return deliver


def begin(reference="one", user=None):
    return purchase_begin(
        actor=user or UserFactory(), kind="thing", reference=reference, provider="razorpay", idempotency_key="k"
    )


def row_of(view):
    return Payment.objects.get(pk=view.id)


def order_of(view):
    return row_of(view).checkout_ref


def clean():
    return reconcile(provider="razorpay", since=timezone.now() - timedelta(days=1), until=timezone.now())


def test_without_keys_it_says_what_is_missing(things):
    assert not registry.is_set_up("razorpay")
    with pytest.raises(Unavailable) as refusal:
        registry.provider("razorpay")
    assert "RAZORPAY_KEY_ID" in refusal.value.message


def test_it_comes_first_for_rupees_and_is_not_offered_for_anything_else(razorpay):
    assert registry.available(can=Can.PAY, currency="INR")[0].name == "razorpay"
    assert "razorpay" not in [one.name for one in registry.available(can=Can.PAY, currency="USD")]
    assert "razorpay" not in [one.name for one in registry.available(can=Can.SUBSCRIBE, currency="INR")]


def test_payouts_need_an_account_of_razorpayx(razorpay, settings):
    settings.RAZORPAY_X_ACCOUNT = ""
    assert "razorpay" not in [one.name for one in registry.available(can=Can.PAY_OUT, currency="INR")]


def test_paid_once_whatever_is_told_first(razorpay, tell, rupees):
    view = begin()
    assert view.url.endswith(f"/checkout/razorpay/{view.public_id}")
    assert begin(user=row_of(view).user).id == view.id
    assert len(razorpay.rows["orders"]) == 1
    paid = razorpay.attempt(order_of(view))
    tell("payment.captured", payment=paid)
    tell("order.paid", payment=paid, order=razorpay.get(order_of(view)))
    tell("payment.authorized", payment=paid)
    payment = row_of(view)
    assert (payment.status, payment.charge_ref, payment.captured_minor) == ("succeeded", paid["id"], 5_000)
    assert rupees.granted == [payment.pk]
    assert clean().balances == {"INR": [4_900, 4_900]}
    assert verify().is_sound


def test_the_same_event_is_taken_once(razorpay, tell, rupees):
    paid = razorpay.attempt(order_of(begin()))
    assert [tell("payment.captured", ident="evt_1", payment=paid) for _ in range(2)] == ["received", "duplicate"]


def test_an_authorized_payment_is_captured(razorpay, tell, rupees):
    view = begin()
    held = razorpay.attempt(order_of(view), "authorized")
    tell("payment.authorized", payment=held)
    assert razorpay.get(held["id"])["status"] == "captured"
    assert rupees.granted == [view.id]


def test_an_attempt_that_fails_leaves_the_order_to_the_next_one(razorpay, tell, rupees):
    view = begin()
    tell("payment.failed", payment=razorpay.attempt(order_of(view), "failed"))
    assert (row_of(view).charge_ref, row_of(view).captured_minor) == ("", 0)
    tell("payment.captured", payment=razorpay.attempt(order_of(view)))
    assert rupees.granted == [view.id]


def test_another_amount_than_asked_for_is_not_handed_over(razorpay, tell, rupees):
    view = begin()
    paid = razorpay.attempt(order_of(view))
    paid["amount"] = 4_000
    tell("payment.captured", payment=paid)
    assert rupees.granted == []
    assert row_of(view).problem
    assert verify().is_sound


def test_a_payment_after_the_page_was_closed_is_given_back(razorpay, tell, rupees):
    view = begin()
    purchase_cancel(actor=row_of(view).user, public_id=view.public_id)
    rupees.refuse = DomainError("gone", "It is gone.", status=409)
    paid = razorpay.attempt(order_of(view))
    tell("payment.captured", payment=paid)
    assert rupees.granted == []
    assert row_of(view).problem
    assert [row["amount"] for row in razorpay.rows["refunds"].values()] in ([], [5_000])
    assert verify().is_sound


def test_refunds_in_parts_once_each(razorpay, tell, rupees):
    view = begin()
    paid = razorpay.attempt(order_of(view))
    tell("payment.captured", payment=paid)
    razorpay.after = [500]
    refund_request(actor=None, payment_id=view.id, amount_minor=1_000, reason="x", idempotency_key="a")
    Refund.objects.update(next_at=timezone.now())
    refunds_send_due()
    assert len(razorpay.rows["refunds"]) == 1
    refund_request(actor=None, payment_id=view.id, amount_minor=4_000, reason="x", idempotency_key="b")
    for made in razorpay.rows["refunds"].values():
        tell("refund.processed", refund=made)
    assert (row_of(view).refunded_minor, row_of(view).status) == (5_000, "refunded")
    run = clean()
    assert (run.status, run.balances) == ("clean", {"INR": [-100, -100]})
    assert verify().is_sound


def test_a_dispute_takes_and_gives_back(razorpay, tell, rupees):
    view = begin()
    paid = razorpay.attempt(order_of(view))
    tell("payment.captured", payment=paid)
    dispute = razorpay.dispute(paid)
    tell("payment.dispute.created", dispute=dispute, payment=paid)
    assert (row_of(view).status, balance_of("dispute:razorpay", "INR")) == ("disputed", 5_000)
    dispute["status"] = "won"
    tell("payment.dispute.won", dispute=dispute, payment=paid)
    assert (row_of(view).status, balance_of("dispute:razorpay", "INR")) == ("succeeded", 0)
    assert clean().status == "clean"


# ---- The page of ours, and the way back


def test_our_page_leads_to_razorpays_and_closes_with_the_payment(razorpay, client, rupees):
    view = begin()
    client.force_login(row_of(view).user)
    text = client.get(f"/checkout/razorpay/{view.public_id}").content.decode()
    assert f'action="{razorpay.url}/v1/checkout/embedded"' in text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', text))
    assert (fields["order_id"], fields["amount"], fields["key_id"]) == (order_of(view), "5000", KEY)
    assert SECRET not in text
    client.force_login(UserFactory())
    assert client.get(f"/checkout/razorpay/{view.public_id}").status_code == 404
    client.force_login(row_of(view).user)
    purchase_cancel(actor=row_of(view).user, public_id=view.public_id)
    assert client.get(f"/checkout/razorpay/{view.public_id}")["Location"].startswith("/checkout/return/")


def back(client, view, payment, signature):
    return client.post(
        f"/checkout/razorpay/{view.public_id}/callback",
        {"razorpay_payment_id": payment, "razorpay_order_id": "order_999", "razorpay_signature": signature},
    )


def test_a_signed_return_asks_razorpay_and_grants(razorpay, client, rupees):
    view = begin()
    paid = razorpay.attempt(order_of(view), "authorized")
    answer = back(client, view, paid["id"], signed_return(order_of(view), paid["id"]))
    assert (answer.status_code, answer["Location"]) == (303, f"/checkout/return/{view.public_id}")
    assert rupees.granted == [view.id]


@pytest.mark.parametrize("how", ["wrong", "of another order", "empty", "not ascii", "unpaid"])
def test_a_return_alone_grants_nothing(razorpay, client, rupees, how):
    view = begin()
    signature = {
        "wrong": "0" * 64, "of another order": signed_return("order_999", "pay_1"), "empty": "", "not ascii": "é" * 64,
        "unpaid": signed_return(order_of(view), "pay_1"),
    }[how]  # fmt: skip
    assert back(client, view, "pay_1", signature).status_code == 303
    assert rupees.granted == []
    assert row_of(view).captured_minor == 0


def test_a_lost_webhook_is_made_up_for(razorpay, rupees):
    view = begin()
    razorpay.attempt(order_of(view))
    Payment.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    payments_ask_again()
    assert rupees.granted == [view.id]


# ---- What goes wrong


@pytest.mark.parametrize(("status", "code"), [(500, "server_error"), (502, "razorpay_error"), (429, "rate_limited")])
def test_a_failing_razorpay_is_asked_again_and_makes_one_order(razorpay, rupees, status, code, capsys):
    user = UserFactory()
    razorpay.fail = [status]
    with pytest.raises(Unavailable):
        begin(user=user)
    razorpay.fail = [status]
    with pytest.raises(ProviderError) as failure:
        registry.provider("razorpay").charge("pay_1")
    assert (failure.value.code, failure.value.is_retryable) == (code, True)
    assert failure.value.is_unknown == (status != 429)
    assert begin(user=user).url
    assert len(razorpay.rows["orders"]) == 1
    assert capsys.readouterr().out == ""


def test_one_that_acted_and_did_not_answer_has_made_one_order(razorpay, rupees):
    user = UserFactory()
    razorpay.after = [502]  # the search
    with pytest.raises(Unavailable):
        begin(user=user)
    view = begin(user=user)
    assert len(razorpay.rows["orders"]) == 1
    assert order_of(view)


def test_nobody_there_and_a_wrong_key_are_worth_another_try(razorpay, settings):
    razorpay.close()
    with pytest.raises(ProviderError) as gone:
        registry.provider("razorpay").charge("pay_1")
    assert gone.value.is_unknown
    settings.RAZORPAY_KEY_SECRET = "another"
    other = RazorpayServer()
    settings.RAZORPAY_API_URL = other.url
    with pytest.raises(ProviderError) as wrong:
        registry.provider("razorpay").charge("pay_1")
    other.close()
    assert (wrong.value.code, wrong.value.is_retryable) == ("not_authorised", True)


def test_what_it_refuses_is_said(razorpay):
    razorpay.fail = [400]
    with pytest.raises(ProviderError) as refusal:
        registry.provider("razorpay").charge("pay_1")
    assert (refusal.value.code, refusal.value.message) == ("input_validation_failed", "No.")
    assert not refusal.value.is_retryable


# ---- Paying out


def payee(**more):
    user = known(UserFactory())
    found, url = payee_begin(actor=user, country="IN", currency="INR", details={**BANK, **more})
    return user, found, url


def test_a_bank_account_is_registered_and_kept_encrypted(razorpay, caplog):
    user, found, url = payee()
    assert (found.is_ready, found.label, url) == (True, "HDFC, ending 9012", "")
    row = Payee.objects.get(user=user)
    assert row.details
    assert "123456789012" not in row.details
    assert "123456789012" not in caplog.text
    kept = next(iter(razorpay.rows["fund_accounts"].values()))
    assert kept["bank_account"] == {"name": "Asha Rao", "ifsc": "HDFC0001234", "account_number": "123456789012"}


def test_a_upi_address(razorpay):
    _, found, _ = payee(account_number="", ifsc="", vpa="asha.rao@okhdfc")
    assert found.label == "UPI as…@okhdfc"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"), ({"name": "<b>"}, "name"), ({"account_number": "12"}, "account_number"),
        ({"account_number": "12345x"}, "account_number"), ({"ifsc": "HDFC1001234"}, "ifsc"), ({"ifsc": ""}, "ifsc"),
        ({"vpa": "asha@bank"}, "vpa"), ({"account_number": "", "ifsc": "", "vpa": "asha"}, "vpa"),
    ],
)  # fmt: skip
def test_details_that_cannot_be_right(change, field):
    with pytest.raises(Invalid) as refusal:
        indian_account({**BANK, **change})
    assert (refusal.value.code, refusal.value.details["field"]) == ("payee_details", field)


def test_the_page_asks_for_the_account_and_says_what_is_wrong(razorpay, client):
    user = known(UserFactory())
    client.force_login(user)
    text = client.get("/payouts/payee").content
    assert b"IFSC" in text
    assert b"UPI address: we keep" in text
    wrong = client.post("/payouts/payee", {"country": "IN", "currency": "INR", **BANK, "ifsc": "HDFC"})
    assert wrong.status_code == 422
    assert b"HDFC0001234" in wrong.content
    assert client.post("/payouts/payee", {"country": "IN", "currency": "INR", **BANK})["Location"] == "/payouts"
    assert Payee.objects.get(user=user).is_ready


def test_the_api_takes_the_account_too(razorpay, client):
    client.force_login(known(UserFactory()))
    body = {"country": "IN", "currency": "INR", "details": {"name": "Asha", "vpa": "asha@bank"}}
    answer = client.post("/api/v1/payouts/payee", body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    body["details"]["vpa"] = "asha"
    answer = client.post("/api/v1/payouts/payee", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "payee_details")


def test_a_payout_is_sent_once_when_it_acted_and_did_not_answer(razorpay, tell):
    user, _, _ = payee()
    owe(user, 50_000, "INR")
    payout = approved(user, 40_000, currency="INR")
    payouts = razorpay.rows["payouts"]
    original = razorpay.make_payouts

    def slow(asked):
        razorpay.after = [502]
        return original(asked)

    razorpay.make_payouts = slow
    assert payout_send(payout.pk)
    assert Payout.objects.get(pk=payout.pk).status == "sending"
    razorpay.make_payouts = original
    Payout.objects.filter(pk=payout.pk).update(next_at=timezone.now())
    assert payout_send(payout.pk)
    assert [row["amount"] for row in payouts.values()] == [40_000]
    made = next(iter(payouts.values()))
    assert (made["mode"], made["reference_id"]) == ("IMPS", str(payout.public_id))
    made["status"] = "processed"
    tell("payout.processed", payout=made)
    assert Payout.objects.get(pk=payout.pk).status == "paid"
    assert clean().status == "clean"
    made |= {"status": "reversed", "reversed_at": int(time.time()),
             "status_details": {"reason": "rejected", "description": "The bank sent it back."}}  # fmt: skip
    tell("payout.reversed", payout=made)
    payout.refresh_from_db()
    assert (payout.status, payout.failure) == ("returned", "The bank sent it back.")
    assert clean().status == "clean"
    assert verify().is_sound


@pytest.mark.parametrize(("amount", "mode"), [(50_000_000, "IMPS"), (50_000_001, "NEFT")])
def test_large_payouts_go_another_way(razorpay, amount, mode):
    payee()
    ref = Payee.objects.get().ref
    provider = registry.provider("razorpay")
    provider.payout_create(PayoutRequest("a" * 36, ref, amount, "INR", "Payout — 1234"), key="payout-1")
    made = next(iter(razorpay.rows["payouts"].values()))
    assert (made["mode"], made["narration"]) == (mode, "Payout   1234")


def test_upi_takes_one_lakh(razorpay):
    payee(account_number="", ifsc="", vpa="asha@bank")
    request = PayoutRequest("a" * 36, Payee.objects.get().ref, 10_000_001, "INR", "Payout")
    with pytest.raises(ProviderError) as refusal:
        registry.provider("razorpay").payout_create(request, key="payout-1")
    assert refusal.value.code == "amount_too_large"


def test_a_long_statement_comes_in_pages(razorpay, rupees):
    for _ in range(230):
        order = razorpay.make("orders", amount=100, status="created", attempts=0)
        razorpay.attempt(order["id"])
    razorpay.make("settlements", amount=20_000, status="processed", currency="INR")
    lines = list(
        registry.provider("razorpay").movements(since=timezone.now() - timedelta(days=1), until=timezone.now())
    )
    assert len(lines) == 231
    assert sum(line.amount_minor - line.fee_minor for line in lines) == 230 * 98 - 20_000
