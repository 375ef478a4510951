"""What a plan says of a person's own accounts: how many trades, and whether their analytics and statements show."""

from __future__ import annotations

from payments.domain.catalogue import Feature
from payments.entitlements import Entitlement, entitlement, require, use_in_tx
from trading.domain import purposes
from trading.domain.case import Case
from trading.domain.types import Actor
from trading.domain.views import AccountView
from trading.services.context import AccountContext


def trade_use_in_tx(context: AccountContext, actor: Actor, case: Case) -> None:
    """Count an accepted order against its owner's plan, in the order's transaction and under the account's lock.

    Orders that only reduce a position are free: nobody is kept in one. Nor does it count what the system does. Raises
    402 `plan_limit_reached` or `plan_required` with what to buy; the order is then not stored.
    """
    if context.purpose in purposes.PLANNED and actor.user_id is not None and case.opens:
        use_in_tx(context.owner_id, Feature.TRADES)


def trades_left(view: AccountView) -> Entitlement | None:
    """What the owner's plan leaves of trades on this account; None when no plan limits it."""
    if view.purpose not in purposes.PLANNED:
        return None
    found = entitlement(view.owner_id, Feature.TRADES)
    return None if found.left is None else found


def analytics_require(view: AccountView, viewer: Actor | None) -> None:
    """Raise 402 unless the owner's plan shows the analytics and statements of this account. Operators see all."""
    if view.purpose in purposes.PLANNED and not (viewer is not None and viewer.is_staff):
        require(view.owner_id, Feature.ANALYTICS)
