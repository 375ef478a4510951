"""What every page view needs: who looks and acts, the market behind the ribbon, a list as frozen views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from django.core.paginator import Page
from django.http import Http404, HttpRequest

from marketdata import selectors as market_selectors
from trading import selectors
from trading.domain.types import Actor
from trading.domain.views import AccountView

T = TypeVar("T")
CURVE_POINTS = 1000


def viewer(request: HttpRequest) -> Actor | None:
    """Who looks at the page; None for a visitor."""
    user = request.user
    return Actor(user_id=user.pk, is_staff=user.is_operator, label=str(user)) if user.is_authenticated else None


def actor(request: HttpRequest) -> Actor:
    """Who acts. The view must require a signed-in user."""
    found = viewer(request)
    if found is None:
        raise Http404
    return found


def new_key() -> str:
    """An idempotency key for one ticket."""
    return str(uuid4())


def market_context(market_id: int) -> dict[str, Any]:
    """The market's clock and speed: what the ribbon shows."""
    view = market_selectors.market_view(market_id)
    clock = market_selectors.market_clock(market_id)
    return {
        "market": clock,
        "seconds_per_tick": format(view.seconds_per_tick.normalize(), "f"),
        "phase_label": "open" if clock.phase == 0 else "close" if clock.is_session_close else "trading",
        "session": market_selectors.session_now(market_id),
        "clock_label": "Masked market time" if view.is_masked else "Market time",
    }


def can_trade(account: AccountView, who: Actor | None, market_status: str) -> bool:
    """Whether the viewer may send orders on this account now. The order path decides again, under the lock."""
    mine = selectors.may_trade(account, who)
    return mine and account.status == "active" and account.group_status in (None, "open") and market_status == "running"


def curve_points(account_id: int, market_tick: int) -> list[list[int]]:
    """[epoch seconds, equity in minor units] for the chart, strictly ascending: it takes nothing else.

    The point of an account that was opened before the first print has no market time of its own, and is left out.
    """
    points: list[list[int]] = []
    if market_tick < 0:
        return points
    for at, minor in reversed(selectors.equity_curve(account_id, points=CURVE_POINTS)):
        moment = int(at.timestamp())
        if not points or moment < points[-1][0]:
            points.append([moment, minor])
    points.reverse()
    return points


def mapped(found: Page[Any], view_of: Callable[[Any], T]) -> Page[Any]:
    """The same page with each row as its frozen view."""
    found.object_list = [view_of(row) for row in found.object_list]
    return found
