"""`paper-trading/trades`: trades as entry orders with their exits (docs/api.md)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading import selectors
from trading.api import wire
from trading.api.common import IDEMPOTENCY, answer, key_of, page_of, signed_in, user_id_of
from trading.api.parse import trade_input
from trading.api.query import account_in, choice_in, quantity_input, symbol_in
from trading.services.trades import trade_cancel, trade_close, trade_open

STATUSES = ("pending", "open", "closed", "cancelled")


def _trade(user_id: int, trade_id: int) -> dict[str, Any]:
    return wire.trade_data(selectors.trade_get(user_id, trade_id))


class TradeListView(APIView):
    """One's own trades."""

    key_scope = "trade"

    @property
    def throttle_scope(self) -> str | None:
        """Making a trade counts as an order."""
        return "orders" if self.request.method == "POST" else None

    @extend_schema(
        operation_id="paper_trading_trades_list",
        responses=wire.TradeOutput(many=True),
        parameters=[
            OpenApiParameter("account_id", int, description="Only those of this account"),
            OpenApiParameter("status", str, enum=STATUSES),
            OpenApiParameter("symbol", str),
        ],
    )
    def get(self, request: Request) -> Response:
        """List trades, newest first."""
        query = request.query_params
        found = selectors.trades_for_user(
            user_id_of(request),
            account_id=account_in(query),
            status=choice_in(query, "status", STATUSES, ""),
            symbol=symbol_in(query) or "",
        )
        return page_of(self, request, found, lambda page: [wire.trade_data(view) for view in page])

    @extend_schema(request=wire.TradeInput, responses={201: wire.TradeOutput}, parameters=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Make a trade: its entry order, with its stop loss and take profit."""
        account_id, order = trade_input(request.data, "api")
        account_id = selectors.own_account(user_id_of(request), account_id)
        view = trade_open(
            actor=signed_in(request), account_id=account_id, request=order, idempotency_key=key_of(request)
        )
        status, body = answer(view)
        return Response(body if status == 422 else _trade(user_id_of(request), view.id), status=status)


class TradeView(APIView):
    """One of one's own trades."""

    @extend_schema(responses=wire.TradeOutput)
    def get(self, request: Request, trade_id: int) -> Response:
        """The trade as it stands."""
        return Response(_trade(user_id_of(request), trade_id))


class TradeCloseView(APIView):
    """Closing a trade."""

    key_scope = "trade"
    throttle_scope = "orders"

    @extend_schema(request=wire.TradeCloseInput, responses=wire.TradeOutput, parameters=[IDEMPOTENCY])
    def post(self, request: Request, trade_id: int) -> Response:
        """Close an open trade at the market, whole or in part."""
        user_id = user_id_of(request)
        view = trade_close(
            actor=signed_in(request),
            user_id=user_id,
            trade_id=trade_id,
            quantity=quantity_input(request.data),
            idempotency_key=key_of(request),
        )
        status, body = answer(view, done=200)
        return Response(body if status == 422 else _trade(user_id, trade_id), status=status)


class TradeCancelView(APIView):
    """Cancelling a trade."""

    key_scope = "trade"
    throttle_scope = "orders"

    @extend_schema(request=None, responses=wire.TradeOutput)
    def post(self, request: Request, trade_id: int) -> Response:
        """Cancel what waits of a trade's entry; what has filled stays open."""
        view = trade_cancel(actor=signed_in(request), user_id=user_id_of(request), trade_id=trade_id)
        return Response(wire.trade_data(view))
