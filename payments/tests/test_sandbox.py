"""The sandbox keeps its word as a provider would: keys, signatures, statement, states, telling until it is heard."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from payments.adapters import sandbox
from payments.adapters.sandbox import charges, checkouts, payouts, subscriptions
from payments.adapters.sandbox.signature import HEADER, body_of, signature
from payments.domain.ports import (
    BadWebhookError,
    CheckoutRequest,
    CheckoutState,
    Hint,
    Ignored,
    MovementKind,
    ObjectKind,
    PayoutRequest,
    ProviderError,
)
from payments.models import SandboxEvent, SandboxMovement, SandboxObject, WebhookDelivery
from payments.services.sandbox import events_deliver, sandbox_tick
from payments.tasks.sandbox import sandbox_tick as tick_task
from payments.tests.factories_sandbox import travel

pytestmark = pytest.mark.django_db

PROVIDER = sandbox.provider()


def asked(**changes: object) -> CheckoutRequest:
    """A page for 50.00 dollars."""
    fields = {
        "our_ref": str(uuid4()),
        "title": "A thing",
        "amount_minor": 5_000,
        "currency": "USD",
        "email": "",
        "customer_ref": "",
        "success_url": "http://localhost/back",
        "cancel_url": "http://localhost/back?cancelled=1",
        "expires_at": timezone.now() + timedelta(hours=1),
    }
    return CheckoutRequest(**(fields | changes))


def opened(**changes: object) -> CheckoutState:
    """A page to pay on."""
    return PROVIDER.checkout_create(asked(**changes), key=str(uuid4()))


def paid(**changes: object) -> str:
    """A charge that succeeded."""
    page = opened(**changes)
    checkouts.checkout_pay(page.ref, "pay")
    return PROVIDER.checkout(page.ref).charge_ref


def subscribed(**changes: object) -> str:
    """A subscription of 29.00 a month."""
    fields = {"amount_minor": 2_900, "interval": "month", "metadata": {"price_code": "pro-1-usd-month"}}
    page = opened(**(fields | changes))
    checkouts.checkout_pay(page.ref, "pay")
    return PROVIDER.checkout(page.ref).subscription_ref


def moved() -> list[tuple[str, int, int]]:
    """The statement."""
    return list(SandboxMovement.objects.order_by("pk").values_list("kind", "amount_minor", "fee_minor"))


def test_one_key_makes_one_page_and_refuses_another_body() -> None:
    request = asked()
    first = PROVIDER.checkout_create(request, key="k")
    assert PROVIDER.checkout_create(request, key="k") == first
    assert SandboxObject.objects.filter(kind="checkout").count() == 1
    with pytest.raises(ProviderError) as refused:
        PROVIDER.checkout_create(asked(our_ref=request.our_ref, amount_minor=1), key="k")
    assert refused.value.code == "idempotency_error"


@pytest.mark.parametrize(
    ("outcome", "page", "charge"),
    [
        ("pay", "complete", "succeeded"),
        ("later", "complete", "processing"),
        ("decline", "open", "failed"),
        ("confirm", "open", "requires_action"),
    ],
)
def test_buttons_of_the_page(outcome: str, page: str, charge: str) -> None:
    made = opened()
    checkouts.checkout_pay(made.ref, outcome)
    now = PROVIDER.checkout(made.ref)
    assert (now.status, PROVIDER.charge(now.charge_ref).status) == (page, charge)
    assert PROVIDER.charge(now.charge_ref).captured_minor == (5_000 if outcome == "pay" else 0)


def test_a_declined_card_may_be_tried_again_on_the_same_charge() -> None:
    made = opened()
    checkouts.checkout_pay(made.ref, "decline")
    first = PROVIDER.checkout(made.ref).charge_ref
    checkouts.checkout_pay(made.ref, "pay")
    charge = PROVIDER.charge(first)
    assert PROVIDER.checkout(made.ref).charge_ref == first
    assert (charge.status, charge.failure, charge.captured_minor) == ("succeeded", "", 5_000)


def test_a_page_is_paid_once_and_not_after_its_end() -> None:
    made = opened()
    checkouts.checkout_pay(made.ref, "pay")
    with pytest.raises(ProviderError):
        checkouts.checkout_pay(made.ref, "pay")
    late = opened(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ProviderError):
        checkouts.checkout_pay(late.ref, "pay")
    sandbox_tick()
    assert PROVIDER.checkout(late.ref).status == "expired"
    assert moved() == [("charge", 5_000, 175)]


@pytest.mark.parametrize(("amount", "fee"), [(5_000, 175), (500, 44), (1_500, 74), (10_000_00, 29_030), (0, 0)])
def test_the_fee_is_exact(amount: int, fee: int) -> None:
    assert charges.fee_of(amount) == fee


def test_what_is_processed_succeeds_after_a_minute() -> None:
    made = opened()
    checkouts.checkout_pay(made.ref, "later")
    sandbox_tick()
    assert PROVIDER.charge(PROVIDER.checkout(made.ref).charge_ref).status == "processing"
    with travel(datetime.now(UTC) + timedelta(seconds=61)):
        sandbox_tick()
    assert PROVIDER.charge(PROVIDER.checkout(made.ref).charge_ref).status == "succeeded"


def test_refunds_never_exceed_the_charge() -> None:
    charge = paid()
    PROVIDER.refund_create(charge, our_ref="r1", amount_minor=3_000, currency="USD", key="r1")
    PROVIDER.refund_create(charge, our_ref="r1", amount_minor=3_000, currency="USD", key="r1")
    with pytest.raises(ProviderError) as refused:
        PROVIDER.refund_create(charge, our_ref="r2", amount_minor=2_001, currency="USD", key="r2")
    assert refused.value.code == "charge_already_refunded"
    assert [one.amount_minor for one in PROVIDER.charge(charge).refunds] == [3_000]
    assert moved() == [("charge", 5_000, 175), ("refund", -3_000, 0)]


def test_a_refund_that_the_bank_refuses_comes_back_once() -> None:
    made = PROVIDER.refund_create(paid(), our_ref="r", amount_minor=5_000, currency="USD", key="r")
    charges.refund_fail(made.ref)
    charges.refund_fail(made.ref)
    assert PROVIDER.refund(made.ref).status == "failed"
    assert [row[:2] for row in moved()] == [("charge", 5_000), ("refund", -5_000), ("refund_failed", 5_000)]


@pytest.mark.parametrize(("currency", "fee"), [("USD", 1_500), ("JPY", 15), ("KWD", 15_000)])
def test_a_dispute_holds_the_money_and_costs_fifteen_units(currency: str, fee: int) -> None:
    charge = paid(currency=currency)
    row = charges.dispute_open(charge)
    assert PROVIDER.dispute(row.ref).withdrawn_minor == 5_000
    assert moved()[-1] == ("dispute", -5_000, fee)
    charges.dispute_close(row.ref, won=True)
    charges.dispute_close(row.ref, won=False)
    state = PROVIDER.dispute(row.ref)
    assert (state.status, state.withdrawn_minor) == ("won", 0)
    assert moved()[-1] == ("dispute_returned", 5_000, 0)


def test_a_lost_dispute_keeps_what_it_held_and_leaves_nothing_to_refund() -> None:
    charge = paid()
    charges.dispute_close(charges.dispute_open(charge).ref, won=False)
    state = PROVIDER.charge(charge).disputes[0]
    assert (state.status, state.withdrawn_minor) == ("lost", 5_000)
    with pytest.raises(ProviderError):
        charges.refund_at_provider(charge, 1)


def test_a_subscription_renews_at_the_end_of_what_was_paid() -> None:
    ref = subscribed()
    first = PROVIDER.subscription(ref)
    with travel(first.period_end + timedelta(seconds=1)):
        sandbox_tick()
        sandbox_tick()
    state = PROVIDER.subscription(ref)
    assert (state.status, state.period_start) == ("active", first.period_end)
    bills = list(PROVIDER.invoices_of(ref))
    assert [(one.reason, one.status, one.paid_minor) for one in bills] == [
        ("renewal", "paid", 2_900),
        ("first", "paid", 2_900),
    ]
    assert PROVIDER.charge(bills[0].charge_ref).invoice_ref == bills[0].ref


def test_a_first_discount_is_of_the_first_bill_only() -> None:
    ref = subscribed(first_discount_minor=2_900)
    assert [one.amount_minor for one in PROVIDER.invoices_of(ref)] == [0]
    with travel(PROVIDER.subscription(ref).period_end + timedelta(seconds=1)):
        sandbox_tick()
    assert [one.amount_minor for one in PROVIDER.invoices_of(ref)] == [2_900, 0]


def test_a_declined_renewal_is_tried_four_times_and_then_it_is_over() -> None:
    ref = subscribed()
    subscriptions.card_set(ref, works=False)
    now = PROVIDER.subscription(ref).period_end + timedelta(seconds=1)
    seen = []
    for _ in range(5):
        with travel(now):
            sandbox_tick()
        bill = next(PROVIDER.invoices_of(ref))
        seen.append((PROVIDER.subscription(ref).status, bill.status, bill.attempts))
        now += timedelta(days=2, seconds=1)
    assert seen == [
        ("past_due", "open", 1),
        ("past_due", "open", 2),
        ("past_due", "open", 3),
        ("canceled", "uncollectible", 4),
        ("canceled", "uncollectible", 4),
    ]


def test_a_card_that_works_again_pays_what_is_due() -> None:
    ref = subscribed()
    subscriptions.card_set(ref, works=False)
    with travel(PROVIDER.subscription(ref).period_end + timedelta(seconds=1)):
        sandbox_tick()
        assert next(PROVIDER.invoices_of(ref)).pay_url.endswith(
            f"/sandbox/portal/{PROVIDER.subscription(ref).customer_ref}"
        )
        subscriptions.card_set(ref, works=True)
    assert PROVIDER.subscription(ref).status == "active"
    assert next(PROVIDER.invoices_of(ref)).status == "paid"


def test_a_dearer_plan_bills_the_rest_of_the_period_once() -> None:
    ref = subscribed()
    state = PROVIDER.subscription(ref)
    half = state.period_start + (state.period_end - state.period_start) / 2
    change = {
        "price_code": "elite-1-usd-month", "title": "Elite", "amount_minor": 9_900, "currency": "USD",
        "interval": "month", "bill_now": True, "key": "up",
    }  # fmt: skip
    with travel(half):
        PROVIDER.subscription_change(ref, **change)
        PROVIDER.subscription_change(ref, **change)
    bills = list(PROVIDER.invoices_of(ref))
    assert [(one.reason, one.amount_minor) for one in bills] == [("change", 3_500), ("first", 2_900)]
    assert (bills[0].period_start, bills[0].period_end) == (half, state.period_end)
    assert PROVIDER.subscription(ref).price_code == "elite-1-usd-month"


def test_cancelled_at_the_end_it_may_be_resumed_until_then() -> None:
    ref = subscribed()
    assert PROVIDER.subscription_cancel(ref, at_period_end=True, key="c").cancel_at_period_end
    assert not PROVIDER.subscription_resume(ref, key="r").cancel_at_period_end
    PROVIDER.subscription_cancel(ref, at_period_end=True, key="c2")
    with travel(PROVIDER.subscription(ref).period_end + timedelta(seconds=1)):
        sandbox_tick()
    assert PROVIDER.subscription(ref).status == "canceled"
    with pytest.raises(ProviderError):
        PROVIDER.subscription_resume(ref, key="r2")


def sent(digits: str) -> str:
    """A payout of 20.00 to an account with these last digits."""
    payee = PROVIDER.payee_create(
        our_ref=str(uuid4()), email="", country="US", currency="USD", details=None, key=str(uuid4())
    )
    assert not payee.is_ready
    payouts.payee_fill(payee.ref, bank="First", digits=digits)
    return PROVIDER.payout_create(PayoutRequest("p1", payee.ref, 2_000, "USD", "Prize"), key="p1").ref


@pytest.mark.parametrize(
    ("digits", "states", "net"),
    [
        ("6789", ["pending", "in_transit", "paid", "paid"], -2_000),
        ("0000", ["pending", "in_transit", "failed", "failed"], 0),
        ("0001", ["pending", "in_transit", "paid", "failed"], 0),
    ],
)
def test_payouts_move_with_time(digits: str, states: list[str], net: int) -> None:
    ref, now, seen = sent(digits), timezone.now(), []
    for _ in states:
        with travel(now):
            sandbox_tick()
        seen.append(PROVIDER.payout(ref).status)
        now += timedelta(seconds=11)
    assert seen == states
    found = PROVIDER.payout_find("p1")
    assert found is not None
    assert found.ref == ref
    assert sum(row[1] for row in moved()) == net


def test_nobody_is_paid_before_they_said_where() -> None:
    payee = PROVIDER.payee_create(our_ref="x", email="", country="US", currency="USD", details=None, key="x")
    with pytest.raises(ProviderError) as refused:
        PROVIDER.payout_create(PayoutRequest("p", payee.ref, 1, "USD", ""), key="p")
    assert refused.value.code == "payee_not_ready"
    assert PROVIDER.payout_find("p") is None


def signed(event: SandboxEvent, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    """An event as it is sent."""
    body = body_of(event)
    return body, {HEADER: signature(body, int((at or timezone.now()).timestamp()))}


def test_a_webhook_names_its_object() -> None:
    page = opened()
    event = SandboxEvent.objects.get(object_ref=page.ref)
    hint = PROVIDER.webhook(*signed(event), now=timezone.now())
    assert isinstance(hint, Hint)
    assert (hint.event_id, hint.event_type, hint.kind, hint.ref) == (
        event.ref,
        "checkout.created",
        ObjectKind.CHECKOUT,
        page.ref,
    )


def test_a_webhook_of_something_else_is_ignored() -> None:
    body = json.dumps(
        {"id": "1", "type": "weather.changed", "created": "2026-01-01T00:00:00", "object": {"kind": "sky", "ref": "x"}}
    ).encode()
    now = timezone.now()
    assert isinstance(PROVIDER.webhook(body, {HEADER: signature(body, int(now.timestamp()))}, now=now), Ignored)


@pytest.mark.parametrize("minutes", [-11, 11])
def test_a_webhook_out_of_time_is_refused(minutes: int) -> None:
    opened()
    now = timezone.now()
    body, headers = signed(SandboxEvent.objects.get(), now + timedelta(minutes=minutes))
    with pytest.raises(BadWebhookError) as refused:
        PROVIDER.webhook(body, headers, now=now)
    assert refused.value.code == "signature_stale"


@pytest.mark.parametrize("header", ["", "t=,v1=", "t=²,v1=x", "t=1,v1=é", "v1=abc"])
def test_a_webhook_without_a_right_signature_is_refused(header: str) -> None:
    opened()
    with pytest.raises(BadWebhookError):
        PROVIDER.webhook(body_of(SandboxEvent.objects.get()), {HEADER: header}, now=timezone.now())


def test_a_changed_or_broken_body_is_refused() -> None:
    opened()
    body, headers = signed(SandboxEvent.objects.get())
    now = timezone.now()
    with pytest.raises(BadWebhookError) as refused:
        PROVIDER.webhook(body.replace(b"created", b"removed"), headers, now=now)
    assert refused.value.code == "signature_wrong"
    cut = body[:-3]
    with pytest.raises(BadWebhookError) as unread:
        PROVIDER.webhook(cut, {HEADER: signature(cut, int(now.timestamp()))}, now=now)
    assert unread.value.code == "body_unreadable"


def test_events_are_told_once_through_the_door_of_webhooks() -> None:
    opened()
    assert events_deliver(process=False) == 1
    assert events_deliver(process=False) == 0
    row = WebhookDelivery.objects.get()
    assert (row.provider, row.event_type, row.status) == ("sandbox", "checkout.created", "received")


def test_what_is_not_heard_is_told_again(settings: object) -> None:
    opened()
    settings.SANDBOX_PAYMENTS = False  # type: ignore[attr-defined]
    assert events_deliver() == 0
    settings.SANDBOX_PAYMENTS = True  # type: ignore[attr-defined]
    assert events_deliver() == 0
    with travel(timezone.now() + timedelta(seconds=21)):
        assert events_deliver(process=False) == 1
    assert SandboxEvent.objects.get().attempts == 2


def test_the_statement_is_read_by_time() -> None:
    before = timezone.now()
    charge = paid()
    lines = list(PROVIDER.movements(since=before, until=timezone.now() + timedelta(seconds=1)))
    assert [(one.kind, one.source_ref, one.amount_minor, one.fee_minor) for one in lines] == [
        (MovementKind.CHARGE, charge, 5_000, 175)
    ]
    assert list(PROVIDER.movements(since=before - timedelta(days=1), until=before)) == []


@pytest.mark.parametrize(
    ("start", "interval", "end"),
    [
        ("2026-01-31", "month", "2026-02-28"),
        ("2028-01-30", "month", "2028-02-29"),
        ("2026-12-15", "month", "2027-01-15"),
        ("2028-02-29", "year", "2029-02-28"),
        ("2026-11-30", "year", "2027-11-30"),
    ],
)
def test_intervals_end_on_days_that_there_are(start: str, interval: str, end: str) -> None:
    begun = datetime.fromisoformat(f"{start}T10:00:00+00:00")
    assert subscriptions.after(begun, interval) == datetime.fromisoformat(f"{end}T10:00:00+00:00")


def test_a_period_ends_by_command() -> None:
    ref = subscribed()
    call_command("sandbox", "renew", ref)
    assert [one.reason for one in PROVIDER.invoices_of(ref)] == ["renewal", "first"]
    with pytest.raises(CommandError):
        call_command("sandbox", "renew", "ssu_other")


def test_no_command_where_the_sandbox_is_not_allowed(settings: object) -> None:
    settings.SANDBOX_PAYMENTS = False  # type: ignore[attr-defined]
    with pytest.raises(CommandError):
        call_command("sandbox", "tick")


def test_time_stands_still_where_the_sandbox_is_not_allowed(settings: object) -> None:
    made = opened()
    checkouts.checkout_pay(made.ref, "later")
    settings.SANDBOX_PAYMENTS = False  # type: ignore[attr-defined]
    with travel(timezone.now() + timedelta(seconds=61)):
        tick_task()
        assert PROVIDER.charge(PROVIDER.checkout(made.ref).charge_ref).status == "processing"
        settings.SANDBOX_PAYMENTS = True  # type: ignore[attr-defined]
        tick_task()
    assert PROVIDER.charge(PROVIDER.checkout(made.ref).charge_ref).status == "succeeded"


def test_nobodys_address_is_kept() -> None:
    opened(email="ada@example.org")
    PROVIDER.payee_create(our_ref="x", email="ada@example.org", country="US", currency="USD", details=None, key="x")
    assert "ada@example.org" not in json.dumps(list(SandboxObject.objects.values_list("data", flat=True)))
