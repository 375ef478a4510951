"""Who may use the routes of money."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from payments.adapters import registry
from payments.adapters.sandbox import store
from payments.adapters.sandbox.charges import blank_charge
from payments.domain.ports import CheckoutRequest
from payments.models import Customer, Invoice, Payee, Payment, Payout
from payments.services.payout_states import reserve_in_tx
from payments.services.plans import plans_sync
from payments.tests.factories import PaymentFactory

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "pricing"): "public",
    ("GET", "checkout/<slug:kind>/<path:reference>"): "self",
    ("POST", "checkout/<slug:kind>/<path:reference>"): "self",
    # Found only where Razorpay is set up; the way back brings no session.
    ("GET", "checkout/razorpay/<uuid:public_id>"): "owner",
    ("POST", "checkout/razorpay/<uuid:public_id>/callback"): "entrance",
    ("GET", "checkout/return/<uuid:public_id>"): "owner",
    ("POST", "checkout/cancel/<uuid:public_id>"): "owner",
    ("GET", "billing"): "self",
    **{("POST", f"billing/{name}"): "self" for name in ("change", "cancel", "resume", "portal")},
    ("GET", "billing/payments/<uuid:public_id>"): "owner",
    ("GET", "billing/invoices/<str:number>.pdf"): "owner",
    ("GET", "payouts"): "self",
    ("POST", "payouts"): "self",
    ("GET", "payouts/payee"): "self",
    ("POST", "payouts/payee"): "self",
    ("POST", "payouts/payee/continue"): "self",
    ("GET", "payouts/statement.csv"): "self",
    ("GET", "payouts/statement.pdf"): "self",
    ("GET", "payouts/<uuid:public_id>"): "owner",
    ("POST", "payouts/<uuid:public_id>/cancel"): "owner",
    **{("POST", f"api/v1/{name}/<slug:provider>"): "open"
       for name in ("webhooks", "payments/webhook", "prop-firm/webhook")},
    ("GET", "api/v1/payments"): "self",
    ("POST", "api/v1/payments"): "self",  # a key is asked for before anything else
    ("POST", "api/v1/payments/quote"): "self",
    ("GET", "api/v1/payments/<uuid:public_id>"): "owner",
    ("POST", "api/v1/payments/<uuid:public_id>/cancel"): "owner",
    ("GET", "api/v1/invoices"): "self",
    ("GET", "api/v1/invoices/<str:number>"): "owner",
    ("GET", "api/v1/invoices/<str:number>.pdf"): "owner",
    ("GET", "api/v1/plans"): "public",
    ("GET", "api/v1/my-plan"): "self",
    **{("POST", f"api/v1/subscription/{name}"): "self" for name in ("change", "cancel", "resume", "portal")},
    ("GET", "api/v1/payouts"): "self",
    ("POST", "api/v1/payouts"): "self",  # the same
    ("GET", "api/v1/payouts/owed"): "self",
    ("GET", "api/v1/payouts/payee"): "self",
    ("POST", "api/v1/payouts/payee"): "cleared",
    ("GET", "api/v1/payouts/<uuid:public_id>"): "owner",
    ("POST", "api/v1/payouts/<uuid:public_id>/cancel"): "owner",
    **{(method, f"sandbox/{name}/<slug:ref>"): "owner"
       for name in ("checkout", "portal", "payee") for method in ("GET", "POST")},
    **{(method, "sandbox/charges/<slug:ref>"): "finance" for method in ("GET", "POST")},
}  # fmt: skip
# What there is only for who has bought or registered something: nothing to find is no refusal.
ABSENT = frozenset(
    {
        *(("POST", f"api/v1/subscription/{name}") for name in ("change", "cancel", "resume", "portal")),
        ("GET", "api/v1/payouts/payee"),
        ("POST", "sandbox/portal/<slug:ref>"),
        ("GET", "checkout/razorpay/<uuid:public_id>"),
    }
)
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "api/v1/payouts/payee"): {"country": "US", "currency": "USD"},
    ("POST", "api/v1/payments/quote"): {"kind": "plan", "reference": "pro-1-usd-month"},
}


def _payment(owner: User) -> object:
    """A payment that nobody has made; with it the plans are published."""
    plans_sync()
    return PaymentFactory(user=owner, checkout_ref="").public_id


def _invoice(owner: User) -> str:
    payment = PaymentFactory(user=owner, status=Payment.Status.SUCCEEDED)
    document = {"seller": {"name": "x"}, "buyer": {"name": "y"}, "lines": [], "payment": str(payment.public_id),
                "tax": {"name": "", "bp": 0, "country": ""}}  # fmt: skip
    return Invoice.objects.create(
        number="INV-2026-000001", kind="invoice", user=owner, payment=payment, currency="USD", net_minor=1, tax_minor=0,
        total_minor=1, document=document, issued_at=timezone.now(),
    ).number  # fmt: skip


def _payout(owner: User) -> object:
    """A payout that was asked for."""
    payee, _ = Payee.objects.get_or_create(
        provider="sandbox",
        ref="spe_x",
        defaults={"user": owner, "country": "US", "currency": "USD", "is_active": False},
    )
    row, is_new = Payout.objects.get_or_create(
        user=owner, payee=payee, payee_version=1, amount_minor=5_000, currency="USD", provider="sandbox"
    )
    if is_new:
        reserve_in_tx(row)
    return row.public_id


def _checkout(owner: User) -> str:
    """A page of the sandbox to pay on."""
    payment = PaymentFactory(user=owner, checkout_ref="")
    request = CheckoutRequest(
        str(payment.public_id), "A thing", 5_000, "USD", owner.email, "", "http://127.0.0.1:8000/x",
        "http://127.0.0.1:8000/y", timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    ref = registry.provider("sandbox").checkout_create(request, key=f"a-{payment.pk}").ref
    Payment.objects.filter(pk=payment.pk).update(checkout_ref=ref)
    return ref


def _charge(owner: User) -> str:
    return store.make("charge", blank_charge(100, "USD", "scu_x"), our_ref="").ref


def _customer(owner: User) -> str:
    return Customer.objects.get_or_create(user=owner, provider="sandbox", ref="scu_owner")[0].ref


def _payee(owner: User) -> str:
    state = registry.provider("sandbox").payee_create(
        our_ref="payee-a", email="", country="US", currency="USD", details=None, key="payee-a"
    )
    Payee.objects.get_or_create(
        provider="sandbox",
        ref=state.ref,
        defaults={"user": owner, "country": "US", "currency": "USD"},
    )
    return state.ref


ARGS: dict[str, Callable[[User], object]] = {
    "<uuid:public_id>": _payment,
    "<path:reference>": lambda owner: "pro-1-usd-month",
    "<slug:provider>": lambda owner: "sandbox",
    "<str:number>": _invoice,
    "<slug:ref>": _checkout,
}
_OF_PAYOUTS = ("payouts/<uuid:public_id>", "payouts/<uuid:public_id>/cancel")
PLACES: dict[str, dict[str, Callable[[User], object]]] = {
    "checkout/<slug:kind>/<path:reference>": {
        "<slug:kind>": lambda owner: "plan",
        "<path:reference>": lambda owner: "pro-1-usd-month",
    },
    **{f"{start}{route}": {"<uuid:public_id>": _payout} for route in _OF_PAYOUTS for start in ("", "api/v1/")},
    "sandbox/portal/<slug:ref>": {"<slug:ref>": _customer},
    "sandbox/payee/<slug:ref>": {"<slug:ref>": _payee},
    "sandbox/charges/<slug:ref>": {"<slug:ref>": _charge},
}
