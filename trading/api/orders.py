"""Orders: placed, looked at, changed and cancelled. Thin: parse, call one service or selector, render."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.errors import DomainError, Invalid
from core.lean import Answer, LeanView
from core.throttling import user_wait
from trading import selectors
from trading.api import wire
from trading.api.common import IDEMPOTENCY, answer, key_of, signed_in
from trading.api.parse import execute_input, order_input, revision_input
from trading.domain.types import Actor, OrderRequest
from trading.services.bulk import MAX_ORDERS, BulkItem, BulkResult, item_key, orders_place_bulk
from trading.services.changes import order_cancel, order_preview, order_replace
from trading.services.orders import order_place

MAX_BULK_BYTES = 100_000


def _place(user_id: int, key: str | None, account_id: int, order: OrderRequest) -> Answer:
    return answer(order_place(actor=Actor(user_id=user_id), account_id=account_id, request=order, idempotency_key=key))


class OrderListView(LeanView):
    """Placing orders."""

    key_scope = "trade"
    throttle_scope = "orders"

    def act(self, user_id: int, data: Any, key: str | None) -> Answer:
        """Place the order that the body describes."""
        return _place(user_id, key, *order_input(data, "api"))

    @extend_schema(request=wire.OrderInput, responses={201: wire.OrderOutput}, parameters=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Place an order on one's own account."""
        return super().post(request)


class ExecuteView(LeanView):
    """A person's trade in the words of the first brief."""

    key_scope = "trade"
    throttle_scope = "orders"

    def act(self, user_id: int, data: Any, key: str | None) -> Answer:
        """Place the market order that the body describes."""
        return _place(user_id, key, *execute_input(data, "api"))

    @extend_schema(request=wire.ExecuteInput, responses={201: wire.OrderOutput}, parameters=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Buy or sell at the market on one's own account."""
        return super().post(request)


class OrderPreviewView(APIView):
    """Pricing an order without placing it."""

    key_scope = "trade"
    throttle_scope = "orders"

    @extend_schema(request=wire.OrderInput, responses=wire.PreviewOutput)
    def post(self, request: Request) -> Response:
        """Price, charges by kind, margin and buying power of an order, and whether it would be denied."""
        account_id, order = order_input(request.data, "api")
        return Response(asdict(order_preview(actor=signed_in(request), account_id=account_id, request=order)))


class OrderBulkView(APIView):
    """Several orders at once."""

    key_scope = "trade"
    throttle_scope = "orders"

    @extend_schema(request=wire.BulkInput, responses={207: wire.BulkOutput}, parameters=[IDEMPOTENCY])
    def post(self, request: Request) -> Response:
        """Place up to 50 orders, each on its own: one that is denied does not stop the others.

        With an Idempotency-Key, each order has the key `<key>:<index>`; an order may bring its own `idempotency_key`.
        """
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BULK_BYTES:
            raise Invalid("too_large", f"Send at most {MAX_BULK_BYTES:,} bytes.", status=413)
        items = _items(request.data, key_of(request))
        actor = signed_in(request)

        def admit(index: int) -> DomainError | None:
            # The request itself has counted as one order.
            wait = user_wait(self.throttle_scope, actor.user_id or 0) if index else None
            if wait is None:
                return None
            words = f"Too many requests. Try again in {wait:.0f} s."
            return DomainError("rate_limited", words, {"retry_after": int(wait)}, status=429)

        found = orders_place_bulk(actor=actor, items=items, admit=admit)
        results = [_result(index, item) for index, item in enumerate(found)]
        placed = sum(result["status"] in (200, 201) for result in results)
        return Response({"results": results, "placed": placed, "refused": len(results) - placed}, status=207)


def _items(data: Any, key: str | None) -> list[BulkItem]:
    orders = data.get("orders") if isinstance(data, dict) else None
    if not isinstance(orders, list) or not 1 <= len(orders) <= MAX_ORDERS:
        raise Invalid("invalid_orders", f"Send an object with 1 to {MAX_ORDERS} orders.", {"most": MAX_ORDERS})
    return [_item(data, order, item_key(key, index)) for index, order in enumerate(orders)]


def _item(data: dict[str, Any], order: Any, key: str | None) -> BulkItem:
    try:
        if isinstance(order, dict):
            own = order.get("idempotency_key", key)
            if own is not None and not isinstance(own, str):
                raise Invalid("invalid_idempotency_key", "An idempotency key is text.")
            key = own
            common = {"account_id": data["account_id"]} if "account_id" in data else {}
            order = {**common, **{name: value for name, value in order.items() if name != "idempotency_key"}}
        account_id, request = order_input(order, "api")
    except Invalid as error:
        return BulkItem(0, None, key, error)
    return BulkItem(account_id, request, key)


def _result(index: int, found: BulkResult) -> dict[str, Any]:
    if found.view is None:
        error = found.error or Invalid("invalid", "This order could not be read.")
        return {"index": index, "status": error.status, "order": None, "error": error.as_dict()}
    status, body = answer(found.view)
    if status == 422:
        order = body["details"].pop("order")
        return {"index": index, "status": status, "order": order, "error": body}
    return {"index": index, "status": status, "order": body, "error": None}


class OrderDetailView(APIView):
    """One order."""

    key_scope = "trade"

    @property
    def throttle_scope(self) -> str | None:
        """A replacement counts as an order; looking and cancelling do not."""
        return "orders" if self.request.method == "PATCH" else None

    @extend_schema(responses=wire.OrderDetailOutput)
    def get(self, request: Request, order_id: int) -> Response:
        """The order as it stands, with its legs."""
        order = selectors.order_get(order_id, signed_in(request))
        legs = [leg.to_json() for leg in selectors.order_legs(order)]
        return Response({**order.to_json(), "leg_orders": legs})

    @extend_schema(request=wire.RevisionInput, responses=wire.OrderOutput)
    def patch(self, request: Request, order_id: int) -> Response:
        """Replace the order by a changed one; the answer is the new order. When that is denied, the old one stays."""
        revision = revision_input(request.data)
        return Response(order_replace(actor=signed_in(request), order_id=order_id, revision=revision).to_json())

    @extend_schema(responses=wire.OrderOutput)
    def delete(self, request: Request, order_id: int) -> Response:
        """Cancel the order; the answer is the cancelled order."""
        return Response(order_cancel(actor=signed_in(request), order_id=order_id).to_json())


class OrderTransitionsView(APIView):
    """The audit trail of an order."""

    @extend_schema(responses=wire.TransitionOutput(many=True))
    def get(self, request: Request, order_id: int) -> Response:
        """Every step, oldest first."""
        selectors.order_get(order_id, signed_in(request))
        return Response([asdict(step) for step in selectors.order_transitions(order_id)])
