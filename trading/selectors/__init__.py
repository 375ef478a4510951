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
    may_trade,
    own_account,
)
from trading.selectors.activities import activities_query, activity_views
from trading.selectors.books import MAX_EVENTS, fee_words, performance_of, round_trips
from trading.selectors.entries import trade_get, trade_orders, trades_for_user
from trading.selectors.equity import MAX_POINTS, equity_at, equity_curve, equity_points, sparklines
from trading.selectors.fills import FeedFill, fill_view, fills, fills_of_group, fills_query, fills_seen
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
from trading.selectors.portfolio import portfolio
from trading.selectors.positions import holdings, position_get, positions

__all__ = [
    "LIST_STATUSES",
    "MAX_EVENTS",
    "MAX_POINTS",
    "MAX_ROWS",
    "FeedFill",
    "account_get",
    "account_views",
    "accounts_by_ids",
    "accounts_for_user",
    "accounts_query",
    "activities_query",
    "activity_views",
    "equity_at",
    "equity_curve",
    "equity_points",
    "fee_words",
    "fill_view",
    "fills",
    "fills_of_group",
    "fills_query",
    "fills_seen",
    "group_marks",
    "holdings",
    "market_selectors",
    "may_listen",
    "may_see",
    "may_trade",
    "order_get",
    "order_legs",
    "order_transitions",
    "order_view",
    "order_views",
    "orders",
    "orders_filtered",
    "orders_query",
    "own_account",
    "performance_of",
    "portfolio",
    "position_get",
    "positions",
    "round_trips",
    "sparklines",
    "trade_get",
    "trade_orders",
    "trades_for_user",
]
