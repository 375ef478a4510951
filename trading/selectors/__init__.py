"""The reads of trading. They return frozen values, never rows."""

from marketdata import selectors as market_selectors
from trading.selectors.accounts import (
    account_get,
    account_views,
    accounts_by_ids,
    accounts_for_user,
    accounts_query,
    group_marks,
    may_listen,
    may_see,
    own_account,
)
from trading.selectors.equity import MAX_POINTS, equity_curve, equity_points, sparklines
from trading.selectors.fills import fill_view, fills, fills_query
from trading.selectors.orders import (
    LIST_STATUSES,
    MAX_ROWS,
    order_get,
    order_legs,
    order_transitions,
    order_view,
    order_views,
    orders,
    orders_filtered,
    orders_query,
)
from trading.selectors.positions import holdings, position_get, positions

__all__ = [
    "LIST_STATUSES",
    "MAX_POINTS",
    "MAX_ROWS",
    "account_get",
    "account_views",
    "accounts_by_ids",
    "accounts_for_user",
    "accounts_query",
    "equity_curve",
    "equity_points",
    "fill_view",
    "fills",
    "fills_query",
    "group_marks",
    "holdings",
    "market_selectors",
    "may_listen",
    "may_see",
    "order_get",
    "order_legs",
    "order_transitions",
    "order_view",
    "order_views",
    "orders",
    "orders_filtered",
    "orders_query",
    "own_account",
    "position_get",
    "positions",
    "sparklines",
]
