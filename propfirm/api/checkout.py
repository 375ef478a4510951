"""Buying an evaluation or a reset, and asking whether it is paid. The provider's webhook is payments' own."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from core.api import errors
from core.errors import DomainError, NotFound
from core.throttling import limit
from payments.api.common import IDEMPOTENCY, key_of, user_of
from payments.selectors.payments import PaymentView, payment_view
from payments.services.asking import payment_ask
from payments.services.checkout import purchase_begin
from propfirm.api.common import owner_of
from propfirm.domain.references import wanted
from propfirm.selectors.accounts import AccountCard, account_row, accounts_query, cards
from propfirm.services import purchases, resets
from propfirm.wire import checkout as wire

_BEGUN = {201: wire.PropCheckoutOut, **errors(400, 401, 403, 404, 409, 422, 429, 503)}


def _account_of(view: PaymentView) -> AccountCard | None:
    """The account that a payment is for; None when there is none."""
    rows = accounts_query().filter(owner_id=view.user_id)
    rows = rows.filter(number=view.reference) if view.kind == resets.KIND else rows.filter(payment_id=view.id)
    return next(iter(cards(rows[:1])), None)


class PropCheckoutView(APIView):
    """Buying an evaluation."""

    @extend_schema(operation_id="prop_checkout", request=wire.PropCheckoutIn, parameters=[IDEMPOTENCY],
                   responses=_BEGUN)  # fmt: skip
    def post(self, request: Request) -> Response:
        """Begin to buy a plan. `url` is where to pay; the account has its number at once and opens when it is paid."""
        data = valid(wire.PropCheckoutIn, request)
        user, key = user_of(request), key_of(request)
        limit("uploads", f"buy:{user.pk}")
        view = purchase_begin(
            actor=user,
            kind=purchases.KIND,
            reference=wanted(data["plan"], data["add_ons"], data["affiliate"]).reference,
            provider=data["provider"],
            coupon=data["coupon"],
            idempotency_key=key,
        )
        account = _account_of(view)
        return Response(wire.checkout_data(view, account.number if account else ""), status=201)


class PropResetView(APIView):
    """Buying a reset."""

    @extend_schema(operation_id="prop_account_reset", request=wire.PropResetIn, parameters=[IDEMPOTENCY],
                   responses=_BEGUN)  # fmt: skip
    def post(self, request: Request, number: str) -> Response:
        """Begin to buy a reset of an account that ended; the phase begins anew when it is paid."""
        user = user_of(request)
        account = account_row(number, owner_of(user))
        data, key = valid(wire.PropResetIn, request), key_of(request)
        limit("uploads", f"buy:{user.pk}")
        view = purchase_begin(
            actor=user,
            kind=resets.KIND,
            reference=account.number,
            provider=data["provider"],
            coupon=data["coupon"],
            idempotency_key=key,
        )
        return Response(wire.checkout_data(view, account.number), status=201)


class PropVerifyView(APIView):
    """Whether it is paid."""

    @extend_schema(operation_id="prop_checkout_verify", request=wire.PropVerifyIn,
                   responses={200: wire.PropVerifyOut, **errors(400, 401, 404)})  # fmt: skip
    def post(self, request: Request) -> Response:
        """How a purchase of one's own stands; while it is open the provider is asked, a few times an hour."""
        public_id = valid(wire.PropVerifyIn, request)["public_id"]
        view = payment_view(public_id, user_id=user_of(request).pk)
        if view.kind not in (purchases.KIND, resets.KIND):
            raise NotFound("payment_not_found", "There is no such payment.")
        if view.is_open:
            view = _asked(view)
        account = _account_of(view)
        return Response(
            {
                "status": view.status,
                "number": account.number if account else "",
                "account_status": account.status if account else "",
                "problem": view.problem,
            }
        )


def _asked(view: PaymentView) -> PaymentView:
    """The payment after its provider was asked; as it was, when that is not possible now."""
    try:
        limit("codes", f"ask:{view.public_id}")
        payment_ask(payment_id=view.id)
    except DomainError:
        return view
    return payment_view(view.public_id, user_id=view.user_id)


urlpatterns = [
    path("prop-firm/checkout/create_session", PropCheckoutView.as_view(), name="api-prop-checkout"),
    path("prop-firm/checkout/verify_payment", PropVerifyView.as_view(), name="api-prop-verify"),
    path("prop-firm/accounts/<slug:number>/reset", PropResetView.as_view(), name="api-prop-account-reset"),
]
