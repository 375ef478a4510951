"""Accounts ready to trade, for tests here and on the floors above."""

from decimal import Decimal
from itertools import count

from django.db import transaction

from accounts.models import CLEARED_ALWAYS, User
from accounts.tests.factories import verify
from core.money import Money
from marketdata.domain.types import MarketView
from trading.domain.types import Actor, OrderRequest, OrderView
from trading.services.accounts import account_open_in_tx, group_create_in_tx
from trading.services.orders import order_place

_numbers = count(1)


def user(**fields) -> User:
    number = next(_numbers)
    return verify(
        User.objects.create_user(
            f"user{number}@example.com",
            "pass-word-123",
            **{"display_name": f"User {number}", "clearance": CLEARED_ALWAYS, **fields},
        )
    )


def actor(owner: User) -> Actor:
    return Actor(user_id=owner.pk, is_staff=owner.is_operator, label=owner.display_name)


def group(market: MarketView, *, status: str = "open", purpose: str = "house", **policy) -> int:
    with transaction.atomic():
        return group_create_in_tx(
            slug=f"group-{next(_numbers)}", purpose=purpose, market_id=market.id, policy=policy, status=status
        )


def account(
    market: MarketView,
    *,
    owner: User | None = None,
    group_id: int | None = None,
    cash: str = "10000",
    purpose: str = "house",
) -> tuple[int, Actor]:
    """An account with cash in it, and its owner as an actor."""
    owner = owner or user()
    with transaction.atomic():
        account_id = account_open_in_tx(
            owner_id=owner.pk,
            market_id=market.id,
            group_id=group_id,
            purpose=purpose,
            label="Test account",
            initial=Money.of(cash, "USD"),
        )
    return account_id, actor(owner)


def place(
    who: Actor, account_id: int, side: str, quantity: object, symbol: str = "AAA", key: str | None = None, **more
) -> OrderView:
    """Place an order; with `limit` it is a limit order."""
    limit = more.pop("limit", None)
    request = OrderRequest(
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        type="market" if limit is None else "limit",
        limit_price=None if limit is None else Decimal(limit),
        **more,
    )
    return order_place(actor=who, account_id=account_id, request=request, idempotency_key=key)
