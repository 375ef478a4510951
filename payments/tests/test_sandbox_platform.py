"""A plan from the click to its end, through the sandbox, its events and the platform's own books."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.factories import UserFactory
from payments.models import Payment, PlanGrant, SandboxObject, Subscription
from payments.selectors.books import balance_of
from payments.services.checkout import purchase_begin
from payments.services.sandbox import sandbox_tick
from payments.tests.factories import PlanPriceFactory
from payments.tests.factories_sandbox import travel

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer(client: Client) -> User:
    """Somebody who has signed in and may buy."""
    user = UserFactory()
    client.force_login(user)
    return user


def bought(client: Client, buyer: User) -> Subscription:
    """A plan that was paid for on the sandbox's page."""
    price = PlanPriceFactory()
    made = purchase_begin(
        actor=buyer, kind="plan", reference=price.code, currency="USD", provider="sandbox", idempotency_key=str(uuid4())
    )
    assert client.post(urlsplit(made.url).path, {"outcome": "pay"}).status_code == 302
    return Subscription.objects.get(user=buyer)


def test_a_plan_is_granted_renewed_and_ended(client: Client, buyer: User) -> None:
    row = bought(client, buyer)
    assert row.status == "active"
    assert PlanGrant.objects.filter(user=buyer, revoked_at=None).count() == 1
    first_end = row.period_end
    with travel(first_end + timedelta(seconds=1)):
        sandbox_tick()
        sandbox_tick()
    row.refresh_from_db()
    assert row.period_start == first_end
    paid = Payment.objects.filter(user=buyer, status="succeeded").order_by("pk")
    assert [one.captured_minor for one in paid] == [2_900, 2_900]
    assert PlanGrant.objects.filter(user=buyer, revoked_at=None).count() == 2
    assert balance_of("clearing:sandbox", "USD") == 5_800


def test_a_declined_renewal_is_past_due_until_the_card_works(client: Client, buyer: User) -> None:
    row = bought(client, buyer)
    customer = SandboxObject.objects.get(kind="subscription", ref=row.ref).data["customer"]
    client.post(f"/sandbox/portal/{customer}", {"subscription": row.ref, "act": "declines"})
    with travel(row.period_end + timedelta(seconds=1)):
        sandbox_tick()
        row.refresh_from_db()
        assert (row.status, row.pay_url.endswith(f"/sandbox/portal/{customer}")) == ("past_due", True)
        assert balance_of("clearing:sandbox", "USD") == 2_900
        client.post(f"/sandbox/portal/{customer}", {"subscription": row.ref, "act": "works"})
    row.refresh_from_db()
    assert row.status == "active"
    assert balance_of("clearing:sandbox", "USD") == 5_800
