"""What is owed, payouts, and where they go."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from core.api import errors
from core.errors import NotFound
from core.pagination import PagePagination
from payments import wire_payouts as wire
from payments.api.common import IDEMPOTENCY, key_of, user_of
from payments.selectors.payouts import owed_to, payee_of, payout_get, payout_view_of, payouts_of
from payments.services import payees, payouts


class OwedView(APIView):
    """What is owed."""

    @extend_schema(
        operation_id="payouts_owed", tags=["payouts"], responses={200: wire.OwedOut(many=True), **errors(401)}
    )
    def get(self, request: Request) -> Response:
        """What may be asked for and what is on its way, by currency."""
        return Response(wire.OwedOut(owed_to(user_of(request).pk), many=True).data)


class PayoutListView(APIView):
    """One's own payouts."""

    pagination_class = PagePagination

    @extend_schema(
        operation_id="payouts_list", tags=["payouts"], responses={200: wire.PayoutOut(many=True), **errors(401)}
    )
    def get(self, request: Request) -> Response:
        """All payouts, the newest first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(payouts_of(user_of(request).pk), request, view=self) or []
        return paginator.get_paginated_response(wire.PayoutOut([payout_view_of(row) for row in page], many=True).data)

    @extend_schema(
        operation_id="payouts_create",
        tags=["payouts"],
        request=wire.PayoutIn,
        parameters=[IDEMPOTENCY],
        responses={201: wire.PayoutDetailOut, **errors(400, 401, 403, 409, 422)},
    )
    def post(self, request: Request) -> Response:
        """Ask for a payout; two people look at it before it is sent."""
        data = valid(wire.PayoutIn, request)
        made = payouts.payout_request(actor=user_of(request), idempotency_key=key_of(request), **data)
        return Response(wire.PayoutDetailOut(made).data, status=201)


class PayoutView(APIView):
    """One of one's own payouts."""

    @extend_schema(
        operation_id="payouts_get", tags=["payouts"], responses={200: wire.PayoutDetailOut, **errors(401, 404)}
    )
    def get(self, request: Request, public_id: str) -> Response:
        """A payout with its timeline."""
        return Response(wire.PayoutDetailOut(payout_get(public_id, user_of(request).pk)).data)


class PayoutCancelView(APIView):
    """Taking back."""

    @extend_schema(
        operation_id="payouts_cancel",
        tags=["payouts"],
        request=None,
        responses={200: wire.PayoutDetailOut, **errors(401, 404, 409)},
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Take a payout back, until it is approved."""
        done = payouts.payout_cancel(actor=user_of(request), public_id=public_id)
        return Response(wire.PayoutDetailOut(done).data)


class PayeeView(APIView):
    """Where one is paid."""

    @extend_schema(operation_id="payee_get", tags=["payouts"], responses={200: wire.PayeeOut, **errors(401, 404)})
    def get(self, request: Request) -> Response:
        """The account in force."""
        found = payee_of(user_of(request).pk)
        if found is None:
            raise NotFound("payee_not_found", "You have not said yet where you are to be paid.")
        return Response(wire.PayeeOut(found).data)

    @extend_schema(
        operation_id="payee_set",
        tags=["payouts"],
        request=wire.PayeeIn,
        responses={201: wire.PayeeMadeOut, **errors(400, 401, 403, 409, 503)},
    )
    def post(self, request: Request) -> Response:
        """Another account, in place of the one before; `url` is the provider's page to finish on."""
        payee, url = payees.payee_begin(actor=user_of(request), **valid(wire.PayeeIn, request))
        return Response(wire.PayeeMadeOut({"payee": payee, "url": url}).data, status=201)


urlpatterns = [
    path("payouts", PayoutListView.as_view(), name="api-payouts"),
    path("payouts/owed", OwedView.as_view(), name="api-payouts-owed"),
    path("payouts/payee", PayeeView.as_view(), name="api-payee"),
    path("payouts/<uuid:public_id>", PayoutView.as_view(), name="api-payout"),
    path("payouts/<uuid:public_id>/cancel", PayoutCancelView.as_view(), name="api-payout-cancel"),
]
