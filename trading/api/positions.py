"""Positions, looked at and closed."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from trading import selectors
from trading.api import wire
from trading.api.common import IDEMPOTENCY, AccountPart, answer, key_of, signed_in
from trading.api.query import quantity_input, symbol_in_path
from trading.services.flatten import account_flatten, position_close


class AccountPositionsView(AccountPart):
    """What an account holds."""

    key_scope = "trade"

    @extend_schema(responses=wire.PositionOutput(many=True))
    def get(self, request: Request, account_id: int) -> Response:
        """Positions at the latest prices, by symbol."""
        self.account(request, account_id)
        return Response([wire.position_data(view) for view in selectors.positions(account_id)])

    @extend_schema(operation_id="accounts_positions_flatten", responses=wire.FlattenOutput)
    def delete(self, request: Request, account_id: int) -> Response:
        """Cancel every order and close every position at the market; what could not be closed is told."""
        return Response(account_flatten(actor=signed_in(request), account_id=account_id).to_json())


class AccountPositionView(AccountPart):
    """One position."""

    key_scope = "trade"

    @extend_schema(responses=wire.PositionOutput)
    def get(self, request: Request, account_id: int, symbol: str) -> Response:
        """An open position at the latest price."""
        self.account(request, account_id)
        return Response(wire.position_data(selectors.position_get(account_id, symbol_in_path(symbol))))

    @extend_schema(
        responses=wire.OrderOutput,
        parameters=[OpenApiParameter("quantity", str, description="Close so much of it; else all"), IDEMPOTENCY],
    )
    def delete(self, request: Request, account_id: int, symbol: str) -> Response:
        """Close the position, or a part, by a reduce-only market order; the answer is the order."""
        view = position_close(
            actor=signed_in(request),
            account_id=account_id,
            symbol=symbol_in_path(symbol),
            quantity=quantity_input(request.query_params),
            idempotency_key=key_of(request),
        )
        status, body = answer(view, done=200)
        return Response(body, status=status)
