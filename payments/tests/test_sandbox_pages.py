"""The sandbox's pages: for whom they are, what their buttons do, and that the platform hears of it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from core.models import AuditEntry
from payments.adapters import sandbox
from payments.adapters.sandbox import checkouts
from payments.domain.ports import CheckoutRequest, CheckoutState
from payments.models import Payee, Payment, WebhookDelivery
from payments.tests.factories import PaymentFactory

pytestmark = pytest.mark.django_db
PROVIDER = sandbox.provider()
BACK = "/checkout/return/x"


@pytest.fixture
def buyer(client: Client) -> User:
    """Somebody who has signed in."""
    user = UserFactory()
    client.force_login(user)
    return user


def page_for(user: User, **changes: object) -> tuple[Payment, CheckoutState]:
    """A payment and its page."""
    payment = PaymentFactory(user=user)
    fields = {
        "our_ref": str(payment.public_id), "title": "A thing", "amount_minor": 5_000, "currency": "USD", "email": "",
        "customer_ref": "", "success_url": f"http://localhost:8000{BACK}", "interval": "",
        "cancel_url": f"http://localhost:8000{BACK}?cancelled=1", "expires_at": timezone.now() + timedelta(hours=1),
    }  # fmt: skip
    state = PROVIDER.checkout_create(CheckoutRequest(**(fields | changes)), key=str(uuid4()))
    Payment.objects.filter(pk=payment.pk).update(checkout_ref=state.ref)
    return payment, state


@pytest.fixture(autouse=True)
def _site(settings: object) -> None:
    settings.SITE_URL = "http://localhost:8000"  # type: ignore[attr-defined]


def test_the_page_says_what_it_is_and_what_it_costs(client: Client, buyer: User) -> None:
    _, page = page_for(buyer)
    text = client.get(f"/sandbox/checkout/{page.ref}").content.decode()
    assert "SANDBOX – NO MONEY MOVES" in text
    assert "50.00" in text


def test_somebody_elses_page_is_not_there(client: Client, buyer: User) -> None:
    _, page = page_for(UserFactory())
    assert client.get(f"/sandbox/checkout/{page.ref}").status_code == 404
    assert client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "pay"}).status_code == 404
    assert PROVIDER.checkout(page.ref).charge_ref == ""


def test_without_signing_in_there_is_no_page(client: Client) -> None:
    _, page = page_for(UserFactory())
    answer = client.get(f"/sandbox/checkout/{page.ref}")
    assert answer.status_code == 302
    assert "/sign-in" in answer["Location"]


def test_no_page_where_the_sandbox_is_not_allowed(client: Client, buyer: User, settings: object) -> None:
    _, page = page_for(buyer)
    settings.SANDBOX_PAYMENTS = False  # type: ignore[attr-defined]
    assert client.get(f"/sandbox/checkout/{page.ref}").status_code == 404
    assert client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "pay"}).status_code == 404


@pytest.mark.parametrize(
    ("outcome", "to", "charge"),
    [
        ("pay", BACK, "succeeded"),
        ("later", BACK, "processing"),
        ("decline", None, "failed"),
        ("confirm", None, "requires_action"),
    ],
)
def test_buttons_lead_on_and_the_platform_hears(
    client: Client, buyer: User, outcome: str, to: str | None, charge: str
) -> None:
    _, page = page_for(buyer)
    answer = client.post(f"/sandbox/checkout/{page.ref}", {"outcome": outcome})
    assert answer.status_code == 302
    assert answer["Location"] == (to or f"/sandbox/checkout/{page.ref}")
    state = PROVIDER.charge(PROVIDER.checkout(page.ref).charge_ref)
    assert state.status == charge
    assert WebhookDelivery.objects.filter(provider="sandbox", object_ref=state.ref).exists()


def test_what_was_paid_is_booked_by_the_event_and_not_by_the_return(client: Client, buyer: User) -> None:
    payment, page = page_for(buyer)
    client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "pay"})
    payment.refresh_from_db()
    assert payment.captured_minor == 5_000


def test_cancel_goes_back_and_the_page_stays_open(client: Client, buyer: User) -> None:
    _, page = page_for(buyer)
    assert client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "cancel"})["Location"] == f"{BACK}?cancelled=1"
    assert PROVIDER.checkout(page.ref).status == "open"


def test_a_second_click_is_told_and_charges_nothing(client: Client, buyer: User) -> None:
    _, page = page_for(buyer)
    client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "pay"})
    assert client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "pay"}).status_code == 409
    assert PROVIDER.charge(PROVIDER.checkout(page.ref).charge_ref).captured_minor == 5_000


def test_an_unknown_button_does_nothing(client: Client, buyer: User) -> None:
    _, page = page_for(buyer)
    assert client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "steal"}).status_code == 400
    assert PROVIDER.checkout(page.ref).charge_ref == ""


@pytest.mark.parametrize(("outcome", "charge"), [("finish", "succeeded"), ("refuse", "failed")])
def test_what_is_processed_is_brought_to_its_end_by_a_button(
    client: Client, buyer: User, outcome: str, charge: str
) -> None:
    _, page = page_for(buyer)
    client.post(f"/sandbox/checkout/{page.ref}", {"outcome": "later"})
    assert "Let it succeed now" in client.get(f"/sandbox/checkout/{page.ref}").content.decode()
    assert client.post(f"/sandbox/checkout/{page.ref}", {"outcome": outcome})["Location"] == BACK
    assert PROVIDER.charge(PROVIDER.checkout(page.ref).charge_ref).status == charge


def subscribed(user: User) -> tuple[str, str]:
    """A subscription of this person: its customer and itself."""
    _, page = page_for(user, interval="month", metadata={"price_code": "pro-1-usd-month"})
    checkouts.checkout_pay(page.ref, "pay")
    state = PROVIDER.subscription(PROVIDER.checkout(page.ref).subscription_ref)
    return state.customer_ref, state.ref


def test_the_portal_switches_the_card_and_the_end(client: Client, buyer: User) -> None:
    customer, ref = subscribed(buyer)
    address = f"/sandbox/portal/{customer}"
    assert "renews on" in client.get(address).content.decode()
    client.post(address, {"subscription": ref, "act": "declines"})
    assert "is declined" in client.get(address).content.decode()
    client.post(address, {"subscription": ref, "act": "cancel"})
    assert PROVIDER.subscription(ref).cancel_at_period_end
    client.post(address, {"subscription": ref, "act": "resume"})
    assert not PROVIDER.subscription(ref).cancel_at_period_end
    assert client.post(address, {"subscription": ref, "act": "x"}).status_code == 400


def test_somebody_elses_portal_is_not_there(client: Client, buyer: User) -> None:
    customer, ref = subscribed(UserFactory())
    mine, _ = subscribed(buyer)
    assert client.get(f"/sandbox/portal/{customer}").status_code == 404
    # Nor is their subscription by way of one's own page.
    assert client.post(f"/sandbox/portal/{mine}", {"subscription": ref, "act": "cancel"}).status_code == 404
    assert not PROVIDER.subscription(ref).cancel_at_period_end


def payee_for(user: User) -> str:
    """A payee at the sandbox."""
    ref = PROVIDER.payee_create(
        our_ref=f"payee-{user.pk}", email="", country="US", currency="USD", details=None, key=f"payee-{user.pk}"
    ).ref
    Payee.objects.create(user=user, provider="sandbox", ref=ref, country="US", currency="USD")
    return ref


def test_a_payee_says_where_the_money_goes(client: Client, buyer: User) -> None:
    ref = payee_for(buyer)
    assert client.get(f"/sandbox/payee/{ref}").status_code == 200
    assert client.post(f"/sandbox/payee/{ref}", {"bank": "First", "digits": "12"}).status_code == 422
    assert not PROVIDER.payee(ref).is_ready
    assert client.post(f"/sandbox/payee/{ref}", {"bank": "First", "digits": "6789"}).status_code == 302
    state = PROVIDER.payee(ref)
    assert (state.is_ready, state.label) == (True, "First, ending 6789")


def test_somebody_elses_payee_is_not_there(client: Client, buyer: User) -> None:
    ref = payee_for(UserFactory())
    assert client.post(f"/sandbox/payee/{ref}", {"bank": "Mine", "digits": "6666"}).status_code == 404
    assert not PROVIDER.payee(ref).is_ready


def charged(user: User) -> str:
    """A charge that succeeded."""
    _, page = page_for(user)
    checkouts.checkout_pay(page.ref, "pay")
    return PROVIDER.checkout(page.ref).charge_ref


def test_the_desk_is_for_who_may_change_payments(client: Client, buyer: User) -> None:
    ref = charged(buyer)
    assert client.get(f"/sandbox/charges/{ref}").status_code == 403
    assert client.post(f"/sandbox/charges/{ref}", {"act": "refund", "amount": "1"}).status_code == 403
    assert PROVIDER.charge(ref).refunds == ()


def test_the_desk_makes_things_happen_and_leaves_a_trace(client: Client, buyer: User) -> None:
    ref = charged(buyer)
    buyer.user_permissions.add(Permission.objects.get(codename="change_payment", content_type__app_label="payments"))
    address = f"/sandbox/charges/{ref}"
    client.post(address, {"act": "refund", "amount": "20.00"})
    refund = PROVIDER.charge(ref).refunds[0]
    assert refund.amount_minor == 2_000
    client.post(address, {"act": "refund_fail", "target": refund.ref})
    client.post(address, {"act": "dispute"})
    dispute = PROVIDER.charge(ref).disputes[0]
    assert dispute.withdrawn_minor == 5_000
    client.post(address, {"act": "win", "target": dispute.ref})
    assert PROVIDER.dispute(dispute.ref).status == "won"
    assert "The bank refuses it" not in client.get(address).content.decode()
    acts = AuditEntry.objects.filter(subject_id=ref).order_by("pk").values_list("action", "actor_id")
    assert list(acts) == [(f"sandbox.{act}", buyer.pk) for act in ("refund", "refund_fail", "dispute", "win")]
    assert client.post(address, {"act": "win", "target": "sdp_other"}).status_code == 404
    client.post(address, {"act": "refund", "amount": "50.01"})
    assert len(PROVIDER.charge(ref).refunds) == 1
