"""The money pages of the administration: who sees them, what they do, and how many queries they cost."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.services.roles import roles_sync
from accounts.tests.factories import UserFactory
from core.models import AuditEntry
from payments.adapters import sandbox
from payments.adapters.sandbox import checkouts
from payments.domain.ports import CheckoutRequest, ObjectKind
from payments.models import Coupon, Dispute, Payment, PlanGrant, Refund, TaxRate
from payments.selectors.revenue import money_of, queues
from payments.services.books import post_in_tx
from payments.services.sync import object_sync
from payments.tests.factories import PaymentFactory, PlanVersionFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("things")]
PROVIDER = sandbox.provider()
MODELS = ("payment", "refund", "dispute", "invoice", "subscription", "plangrant", "planversion", "planprice", "coupon")


@pytest.fixture
def finance(client: Client) -> User:
    """Somebody of finance who has signed in."""
    user = UserFactory(role="finance", is_staff=True)
    roles_sync()
    client.force_login(user)
    return user


def paid() -> Payment:
    """50.00 that came in through the sandbox."""
    payment = PaymentFactory()
    request = CheckoutRequest(
        our_ref=str(payment.public_id), title="A thing", amount_minor=5_000, currency="USD", email="", customer_ref="",
        success_url="", cancel_url="", expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    page = PROVIDER.checkout_create(request, key=str(uuid4()))
    Payment.objects.filter(pk=payment.pk).update(checkout_ref=page.ref)
    checkouts.checkout_pay(page.ref, "pay")
    object_sync("sandbox", ObjectKind.CHECKOUT, page.ref)
    payment.refresh_from_db()
    assert payment.captured_minor == 5_000
    assert payment.granted_at is not None
    return payment


def act(client: Client, model: str, action: str, *rows: object, **fields: str) -> list[str]:
    """Do an action of the administration; what it says."""
    body = {"action": action, "_selected_action": [row.pk for row in rows], **fields}
    answer = client.post(f"/admin/payments/{model}/", body, follow=True)
    return [str(message) for message in answer.context["messages"]]


@pytest.mark.parametrize("model", MODELS)
def test_moderators_and_traders_see_no_money(client: Client, model: str) -> None:
    roles_sync()
    client.force_login(UserFactory(role="moderator", is_staff=True))
    assert client.get(f"/admin/payments/{model}/").status_code == 403
    client.force_login(UserFactory())
    assert client.get(f"/admin/payments/{model}/").status_code == 302


@pytest.mark.parametrize("model", [*MODELS, "taxrate"])
def test_finance_looks_and_writes_no_row_by_hand(client: Client, finance: User, model: str) -> None:
    assert client.get(f"/admin/payments/{model}/").status_code == 200
    assert client.get(f"/admin/payments/{model}/add/").status_code == 403


def test_a_payment_is_found_by_its_public_id_its_person_and_its_reference(client: Client, finance: User) -> None:
    wanted, other = paid(), PaymentFactory(title="Something else")
    for words in (wanted.public_id, wanted.user_id, wanted.charge_ref, wanted.user.email):
        found = client.get("/admin/payments/payment/", {"q": words}).context["cl"].queryset
        assert list(found) == [wanted], words
    assert other.pk != wanted.pk
    page = client.get(f"/admin/payments/payment/{wanted.pk}/change/").content.decode()
    assert f"/sandbox/charges/{wanted.charge_ref}" in page


def test_a_whole_refund_needs_a_reason_and_is_made_once(client: Client, finance: User) -> None:
    payment = paid()
    assert "Say why" in act(client, "payment", "refund_whole", payment, key="k0")[0]
    act(client, "payment", "refund_whole", payment, key="k1", reason="Asked for")
    act(client, "payment", "refund_whole", payment, key="k1", reason="Asked for")
    refund = Refund.objects.get()
    assert (refund.amount_minor, refund.requested_by, refund.reason) == (5_000, finance, "Asked for")
    assert [one.amount_minor for one in PROVIDER.charge(payment.charge_ref).refunds] == [5_000]
    assert AuditEntry.objects.get(action="payment.refund").actor_id == finance.pk


@pytest.mark.parametrize("amount", ["", "x", "-1", "0", "50.01", "1.001", "NaN"])
def test_an_amount_that_is_none_refunds_nothing(client: Client, finance: User, amount: str) -> None:
    payment = paid()
    act(client, "payment", "refund_amount", payment, key="k", reason="r", amount=amount)
    assert not Refund.objects.exists()


def test_an_amount_is_refunded_of_one_payment_at_a_time(client: Client, finance: User) -> None:
    first, second = paid(), paid()
    assert "Choose one" in act(client, "payment", "refund_amount", first, second, key="k", reason="r", amount="1")[0]
    act(client, "payment", "refund_amount", first, key="k", reason="r", amount="12.5")
    assert Refund.objects.get().amount_minor == 1_250


def test_the_provider_is_asked_again(client: Client, finance: User) -> None:
    payment = paid()
    charge_ref = payment.charge_ref
    PROVIDER.refund_create(charge_ref, our_ref="", amount_minor=700, currency="USD", key="at the provider")
    assert "as the provider says" in act(client, "payment", "ask_again", payment)[0]
    payment.refresh_from_db()
    assert payment.refunded_minor == 700
    assert "No provider" in act(client, "payment", "ask_again", PaymentFactory(provider="", checkout_ref=""))[0]


def test_who_only_looks_acts_on_nothing(client: Client) -> None:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_payment", "view_coupon"]))
    client.force_login(user)
    payment = paid()
    act(client, "payment", "refund_whole", payment, key="k", reason="r")
    assert not Refund.objects.exists()
    assert client.get("/admin/payments/coupon/new/").status_code == 403


def test_a_coupon_is_made_and_switched_with_a_trace(client: Client, finance: User) -> None:
    body = {"code": "spring-20", "percent": "20", "max_uses_each": "1", "reason": "Spring", "kinds": "plan, contest"}
    assert client.post("/admin/payments/coupon/new/", body).status_code == 302
    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.percent_bp, coupon.kinds) == ("SPRING-20", 2_000, ["plan", "contest"])
    assert client.post("/admin/payments/coupon/new/", body).status_code == 422
    act(client, "coupon", "switch_off", coupon, reason="Over")
    coupon.refresh_from_db()
    assert not coupon.is_active
    trace = AuditEntry.objects.filter(subject_type="coupon").order_by("pk")
    assert [(row.action, row.actor_id, row.reason) for row in trace] == [
        ("coupon.create", finance.pk, "Spring"),
        ("coupon.switch", finance.pk, "Over"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"percent": ""},
        {"percent": "101"},
        {"amount": "5", "currency": "USD"},
        {"percent": "", "amount": "5"},
        {"code": "a b"},
        {"reason": ""},
        {"ends_at": "2020-01-01 00:00"},
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(client: Client, finance: User, change: dict[str, str]) -> None:
    body = {"code": "SPRING", "percent": "20", "max_uses_each": "1", "reason": "Spring", **change}
    assert client.post("/admin/payments/coupon/new/", body).status_code == 422
    assert not Coupon.objects.exists()


def test_a_new_tax_ends_the_one_before_and_never_reaches_back(client: Client, finance: User) -> None:
    today = timezone.now().date()
    old = TaxRate.objects.create(country="IN", name="GST", rate_bp=1_200, starts_on=today - timedelta(days=90))
    body = {"country": "in", "name": "GST", "percent": "18", "reason": "New law"}
    assert (
        client.post("/admin/payments/taxrate/new/", {**body, "starts_on": today - timedelta(days=1)}).status_code == 422
    )
    assert client.post("/admin/payments/taxrate/new/", {**body, "starts_on": today}).status_code == 302
    old.refresh_from_db()
    new = TaxRate.objects.get(rate_bp=1_800)
    assert (old.ends_on, new.country, new.starts_on, new.ends_on) == (today, "IN", today, None)
    assert client.post("/admin/payments/taxrate/new/", {**body, "starts_on": today}).status_code == 422
    act(client, "taxrate", "end", new, reason="Repealed", ends_on=str(today))
    act(client, "taxrate", "end", new, reason="Repealed", ends_on="soon")
    new.refresh_from_db()
    assert new.ends_on is None
    act(client, "taxrate", "end", new, reason="Repealed", ends_on=str(today + timedelta(days=1)))
    new.refresh_from_db()
    assert new.ends_on == today + timedelta(days=1)


def test_a_plan_is_given_and_taken_back(client: Client, finance: User) -> None:
    person, plan = UserFactory(), PlanVersionFactory()
    until = timezone.now() + timedelta(days=30)
    body = {"user_id": person.pk, "plan": plan.pk, "until": f"{until:%Y-%m-%d %H:%M}", "reason": "A gift"}
    assert client.post("/admin/payments/plangrant/new/", {**body, "user_id": 2**40}).status_code == 422
    assert client.post("/admin/payments/plangrant/new/", body).status_code == 302
    grant = PlanGrant.objects.get()
    assert (grant.user, grant.plan, grant.given_by, grant.reason) == (person, plan, finance, "A gift")
    act(client, "plangrant", "take_back", grant)
    grant.refresh_from_db()
    assert grant.revoked_at is None
    act(client, "plangrant", "take_back", grant, reason="A mistake")
    grant.refresh_from_db()
    assert grant.revoked_at is not None


def books(currency: str, clearing: int, kind: str, other: str) -> None:
    """A journal between the sandbox and another account."""
    post_in_tx(kind=kind, reference=str(uuid4()), currency=currency, legs=[
        ("clearing:sandbox", clearing), (other, -clearing),
    ])  # fmt: skip


def test_the_dashboard_adds_up_by_currency() -> None:
    books("USD", 5_000, "capture", "customer:1")
    books("USD", 700, "capture", "customer:2")
    books("USD", -1_000, "refund", "customer:1")
    books("USD", -175, "fee", "fees:sandbox")
    books("JPY", 900, "capture", "customer:1")
    later = {one.currency: one for one in money_of(timezone.now() + timedelta(days=3))}
    flows = {flow.title: (flow.today, flow.week, flow.month) for flow in later["USD"].flows}
    assert flows["Captured"] == (0, 5_700, 5_700)
    assert flows["Refunded"] == (0, 1_000, 1_000)
    assert flows["Fees"] == (0, 175, 175)
    assert dict(later["USD"].stands)["At providers"] == 4_525
    assert dict(later["USD"].stands)["Paid and not handed over"] == 4_700
    now = {one.currency: one for one in money_of(timezone.now() + timedelta(seconds=5))}
    assert now["JPY"].flows[0].today == 900


def test_the_queues_say_how_many_and_since_when() -> None:
    payment = PaymentFactory(captured_minor=5_000, problem="not_granted:full")
    PaymentFactory(captured_minor=5_000, refunded_minor=5_000, problem="not_granted:full")
    due = timezone.now() + timedelta(days=2)
    Dispute.objects.create(
        payment=payment, ref="d", status="open", amount_minor=1, currency="USD", due_at=due, reason="fraudulent"
    )
    found = {queue.title: queue for queue in queues()}
    assert (found["Disputes to answer"].count, found["Disputes to answer"].due) == (1, due)
    assert found["Paid and not handed over"].count == 1
    assert found["Payouts to review"].count == 0


def test_the_dashboard_is_for_finance_and_costs_the_same_whatever_it_shows(client: Client, finance: User) -> None:
    assert "/admin/payments/dashboard" in client.get("/admin/").content.decode()
    books("USD", 5_000, "capture", "customer:1")

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get("/admin/payments/dashboard").status_code == 200
        return len(seen)

    cost()
    few = cost()
    for number in range(20):
        books("USD", 100, "capture", f"customer:{number + 10}")
        books("EUR", 100, "capture", f"customer:{number + 10}")
        PaymentFactory(captured_minor=5_000, problem="x")
    assert cost() == few
    assert few <= 20
    client.force_login(UserFactory(role="moderator", is_staff=True))
    assert client.get("/admin/payments/dashboard").status_code == 403
    assert "/admin/payments/dashboard" not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("model", ["payment", "refund", "coupon", "plangrant"])
def test_lists_cost_the_same_for_few_rows_and_many(client: Client, finance: User, model: str) -> None:
    plan = PlanVersionFactory()

    def more() -> None:
        payment = PaymentFactory(captured_minor=5_000)
        Refund.objects.create(payment=payment, amount_minor=1, currency="USD", reason="r")
        Coupon.objects.create(code=uuid4().hex[:12].upper(), percent_bp=1)
        PlanGrant.objects.create(
            user=payment.user, plan=plan, given_by=finance, starts_at=timezone.now(),
            ends_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip

    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(f"/admin/payments/{model}/").status_code == 200
        return len(seen)

    more()
    cost()
    few = cost()
    for _ in range(10):
        more()
    assert cost() == few
