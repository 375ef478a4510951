"""Buying, and one's own payments."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from core.api import errors
from core.pagination import PagePagination
from payments import wire_payments as wire
from payments.api.common import IDEMPOTENCY, key_of, user_of
from payments.selectors.payments import payment_view, payments_of, view_of
from payments.services import checkout
from payments.services.quoting import purchase_quote


class PaymentListView(APIView):
    """One's own payments."""

    pagination_class = PagePagination

    @extend_schema(
        operation_id="payments_list", tags=["payments"], responses={200: wire.PaymentOut(many=True), **errors(401)}
    )
    def get(self, request: Request) -> Response:
        """All payments, the newest first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(payments_of(user_of(request).pk), request, view=self) or []
        return paginator.get_paginated_response(wire.PaymentOut([view_of(row) for row in page], many=True).data)

    @extend_schema(
        operation_id="payments_create",
        tags=["payments"],
        request=wire.PurchaseBeginIn,
        parameters=[IDEMPOTENCY],
        responses={201: wire.PaymentDetailOut, **errors(400, 401, 403, 404, 409, 422, 503)},
    )
    def post(self, request: Request) -> Response:
        """Begin to buy something. `url` is where to pay; nothing is handed over before the provider says so."""
        data = valid(wire.PurchaseBeginIn, request)
        made = checkout.purchase_begin(actor=user_of(request), idempotency_key=key_of(request), **data)
        return Response(wire.PaymentDetailOut(made).data, status=201)


class PaymentView(APIView):
    """One of one's own payments."""

    @extend_schema(
        operation_id="payments_get", tags=["payments"], responses={200: wire.PaymentDetailOut, **errors(401, 404)}
    )
    def get(self, request: Request, public_id: str) -> Response:
        """A payment with its timeline."""
        return Response(wire.PaymentDetailOut(payment_view(public_id, user_id=user_of(request).pk)).data)


class PaymentCancelView(APIView):
    """Giving up."""

    @extend_schema(
        operation_id="payments_cancel",
        tags=["payments"],
        request=None,
        responses={200: wire.PaymentDetailOut, **errors(401, 404, 409, 503)},
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Give up a payment that has not been made."""
        done = checkout.purchase_cancel(actor=user_of(request), public_id=public_id)
        return Response(wire.PaymentDetailOut(done).data)


class QuoteView(APIView):
    """Prices."""

    @extend_schema(
        operation_id="payments_quote",
        tags=["payments"],
        request=wire.PurchaseIn,
        responses={200: wire.PriceQuoteOut, **errors(400, 401, 404, 409, 422)},
    )
    def post(self, request: Request) -> Response:
        """What something costs now, with discount and tax, and how it can be paid."""
        data = valid(wire.PurchaseIn, request)
        return Response(wire.PriceQuoteOut(purchase_quote(user=user_of(request), **data)).data)


urlpatterns = [
    path("payments", PaymentListView.as_view(), name="api-payments"),
    path("payments/quote", QuoteView.as_view(), name="api-payment-quote"),
    path("payments/<uuid:public_id>", PaymentView.as_view(), name="api-payment"),
    path("payments/<uuid:public_id>/cancel", PaymentCancelView.as_view(), name="api-payment-cancel"),
]
