"""Thin views: parse, call one service or selector, render."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.lean import Answer, LeanView
from core.money import major_text
from core.pagination import PagePagination
from trading import selectors
from trading.api import serializers as wire
from trading.api.parse import execute_input, order_input
from trading.domain import states
from trading.domain.types import Actor, OrderRequest
from trading.services.orders import order_cancel, order_place, order_preview

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body again give the first answer; the same key with another body gives 409.",
)


def actor_of(request: Request) -> Actor | None:
    """Who sends the request; None for an anonymous one."""
    user: Any = request.user
    if not user.is_authenticated:
        return None
    return Actor(user_id=user.pk, is_staff=user.is_staff, label=user.display_name)


def _actor(request: Request) -> Actor:
    actor = actor_of(request)
    assert actor is not None
    return actor


def page_of(
    view: APIView, request: Request, rows: QuerySet[Any], render: Callable[[Sequence[Any]], list[Any]]
) -> Response:
    """One page of `rows`, rendered."""
    paginator = PagePagination()
    page = paginator.paginate_queryset(rows, request, view=view) or []
    return paginator.get_paginated_response(render(page))


def _place(user_id: int, key: str | None, account_id: int, order: OrderRequest) -> Answer:
    """201 for an order that was taken (200 when replayed), 422 with the error envelope for a denied one."""
    view = order_place(actor=Actor(user_id=user_id), account_id=account_id, request=order, idempotency_key=key)
    body = view.to_json()
    if view.status == states.DENIED:
        return 422, {"code": view.code, "message": view.message, "details": {**view.details, "order": body}}
    return 200 if view.replayed else 201, body


class AccountListView(APIView):
    """Account cards: one's own and the agents'; all for an operator."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=wire.AccountOutput(many=True), operation_id="accounts_list")
    def get(self, request: Request) -> Response:
        """List accounts, newest first."""
        rows = selectors.accounts_query(actor_of(request))
        return page_of(
            self, request, rows, lambda page: [wire.account_data(view) for view in selectors.account_views(page)]
        )


class AccountView(APIView):
    """One account."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=wire.AccountOutput)
    def get(self, request: Request, account_id: int) -> Response:
        """The account with its latest mark."""
        return Response(wire.account_data(selectors.account_get(account_id, actor_of(request))))


class AccountPositionsView(APIView):
    """What an account holds."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=wire.PositionOutput(many=True))
    def get(self, request: Request, account_id: int) -> Response:
        """Holdings at the latest prices, by symbol."""
        selectors.account_get(account_id, actor_of(request))
        return Response([wire.position_data(view) for view in selectors.positions(account_id)])


class AccountTransactionsView(APIView):
    """What an account has traded."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=wire.TransactionOutput(many=True))
    def get(self, request: Request, account_id: int) -> Response:
        """Fills, newest first."""
        selectors.account_get(account_id, actor_of(request))
        rows = selectors.fills_query(account_id)
        return page_of(
            self, request, rows, lambda page: [wire.transaction_data(selectors.fill_view(row)) for row in page]
        )


class AccountOrdersView(APIView):
    """The orders of an account."""

    permission_classes = (AllowAny,)

    @extend_schema(
        responses=wire.OrderOutput(many=True),
        parameters=[OpenApiParameter("open", bool, description="Only orders that still rest")],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Orders, newest first."""
        selectors.account_get(account_id, actor_of(request))
        open_only = request.query_params.get("open", "").lower() in ("1", "true")
        rows = selectors.orders_query(account_id, open_only=open_only)
        return page_of(self, request, rows, lambda page: [selectors.order_view(row).to_json() for row in page])


class AccountEquityView(APIView):
    """The equity curve of an account."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=wire.EquityPointOutput(many=True))
    def get(self, request: Request, account_id: int) -> Response:
        """The newest 1000 points, oldest first."""
        view = selectors.account_get(account_id, actor_of(request))
        curve = selectors.equity_curve(account_id)
        return Response([{"at": at, "equity": major_text(minor, view.currency)} for at, minor in curve])


class OrderListView(LeanView):
    """Placing orders."""

    throttle_scope = "orders"

    def act(self, user_id: int, data: Any, key: str | None) -> Answer:
        """Place the order that the body describes."""
        return _place(user_id, key, *order_input(data, "api"))

    @extend_schema(request=wire.OrderInput, responses={201: wire.OrderOutput}, parameters=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Place an order on one's own account."""
        return super().post(request)


class OrderPreviewView(APIView):
    """Pricing an order without placing it."""

    throttle_scope = "orders"

    @extend_schema(request=wire.OrderInput, responses=wire.PreviewOutput)
    def post(self, request: Request) -> Response:
        """Estimate price, fee and buying power, and say whether it would be denied."""
        account_id, order = order_input(request.data, "api")
        return Response(asdict(order_preview(actor=_actor(request), account_id=account_id, request=order)))


class OrderDetailView(APIView):
    """One order."""

    @extend_schema(responses=wire.OrderOutput)
    def get(self, request: Request, order_id: int) -> Response:
        """The order as it stands."""
        return Response(selectors.order_get(order_id, _actor(request)).to_json())

    @extend_schema(responses=wire.OrderOutput)
    def delete(self, request: Request, order_id: int) -> Response:
        """Cancel the order; the answer is the cancelled order."""
        return Response(order_cancel(actor=_actor(request), order_id=order_id).to_json())


class OrderTransitionsView(APIView):
    """The audit trail of an order."""

    @extend_schema(responses=wire.TransitionOutput(many=True))
    def get(self, request: Request, order_id: int) -> Response:
        """Every step, oldest first."""
        selectors.order_get(order_id, _actor(request))
        return Response([asdict(step) for step in selectors.order_transitions(order_id)])


class ExecuteView(LeanView):
    """A person's trade in the words of the first brief."""

    throttle_scope = "orders"

    def act(self, user_id: int, data: Any, key: str | None) -> Answer:
        """Place the market order that the body describes."""
        return _place(user_id, key, *execute_input(data, "api"))

    @extend_schema(request=wire.ExecuteInput, responses={201: wire.OrderOutput}, parameters=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Buy or sell at the market on one's own account."""
        return super().post(request)
