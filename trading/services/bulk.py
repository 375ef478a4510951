"""Several orders in one request: each on its own, through the one order path."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from core.errors import DomainError, Invalid, Unavailable
from core.services.idempotency import MAX_KEY
from trading.domain.types import Actor, OrderRequest, OrderView
from trading.services.orders import order_place

logger = logging.getLogger(__name__)

MAX_ORDERS = 50


@dataclass(frozen=True, slots=True)
class BulkItem:
    """One order of several: its account and request, or what is wrong with what was sent for it."""

    account_id: int
    request: OrderRequest | None
    key: str | None = None
    error: DomainError | None = None


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one order: its view (a denied one too), or the error for which nothing was stored."""

    view: OrderView | None = None
    error: DomainError | None = None


def item_key(key: str | None, index: int) -> str | None:
    """The idempotency key of the order at `index` in a request with a key. Raises Invalid when it gets too long."""
    if not key:
        return None
    if len(key) > MAX_KEY - 4:
        raise Invalid("invalid_idempotency_key", f"The key of several orders has at most {MAX_KEY - 4} characters.")
    return f"{key}:{index}"


def orders_place_bulk(
    *, actor: Actor, items: Sequence[BulkItem], admit: Callable[[int], DomainError | None] | None = None
) -> list[BulkResult]:
    """Place each order in turn; one that is denied, malformed or fails does not stop the others.

    `admit` is asked before each order whether it may be sent at all (a rate limit). Raises Invalid for none, or more
    than MAX_ORDERS.
    """
    if not 1 <= len(items) <= MAX_ORDERS:
        raise Invalid("invalid_orders", f"Send 1 to {MAX_ORDERS} orders.", {"most": MAX_ORDERS})
    return [_place(actor, item, admit(index) if admit else None) for index, item in enumerate(items)]


def _place(actor: Actor, item: BulkItem, refused: DomainError | None) -> BulkResult:
    if item.request is None or refused is not None:
        return BulkResult(error=item.error or refused)
    try:
        view = order_place(actor=actor, account_id=item.account_id, request=item.request, idempotency_key=item.key)
    except DomainError as error:
        return BulkResult(error=error)
    except (OperationalError, InterfaceError, RedisError):
        # What came before is placed and has to be told; the item's key makes trying again safe.
        logger.exception("one of several orders could not be placed")
        return BulkResult(error=Unavailable("busy", "We cannot do this just now. Try again in a moment."))
    return BulkResult(view=view)
