"""What became of an order, a cancel or a change: a partial for htmx, a message and the account's page without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from core.errors import DomainError
from core.templatetags.arena import price, qty
from trading.domain.types import OrderView
from trading.pages import new_key
from trading.pages.words import kind_words, time_words

DENIED = ("denied", "rejected")


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks."""
    return request.headers.get("HX-Request") == "true"


def said(order: OrderView) -> tuple[str, str]:
    """(what became of it, the rest of the sentence)."""
    name = f"{qty(order.quantity)} {order.symbol}"
    if order.status in DENIED:
        return "Not accepted.", order.message
    if order.status == "filled":
        fee = f", fees {price(order.fee)}" if order.fee else ""
        return f"{'Bought' if order.side == 'buy' else 'Sold'} {name}", f"at {price(order.average_price)}{fee}."
    if order.status == "partially_filled":
        return "Partly filled.", f"{qty(order.filled_quantity)} of {name}; the rest waits under Open orders."
    if order.status in ("canceled", "expired"):
        filled = f" {qty(order.filled_quantity)} were filled before." if order.filled_quantity != "0" else ""
        why = order.message or "It no longer waits."
        head = "Cancelled." if order.status == "canceled" else "Expired."
        return head, f"{order.side.capitalize()} {name}. {why}{filled}"
    legs = ""
    if order.legs:
        legs = " Its stop loss waits beside it." if order.order_class == "oco" else " Its exits wait with it."
    words = f"{kind_words(order).lower()}, {_first_lower(time_words(order))}"
    return "Waiting.", f"{order.side.capitalize()} {name}, {words}: it is under Open orders.{legs}"


def _first_lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def answer(
    request: HttpRequest,
    account_id: int,
    *,
    order: OrderView | None = None,
    error: DomainError | None = None,
    done: str = "",
    template: str = "trading/_result.html",
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Tell what became of it, with the ticket's next key; the page then reloads what changed."""
    refused = error is not None or (order is not None and order.status in DENIED)
    status = error.status if error is not None else 422 if refused else 200
    head, rest = said(order) if order is not None else ("", done)
    if not is_partial(request):
        words = error.message if error is not None else f"{head} {rest}".strip()
        (messages.error if refused else messages.success)(request, words)
        return redirect(reverse("account", args=[account_id]))
    context = {"order": order, "error": error, "head": head, "rest": rest, "refused": refused, "next_key": new_key()}
    response = render(request, template, {**context, **(extra or {})}, status=status)
    if not refused:
        response["HX-Trigger"] = "account-changed"
    return response
