"""API of the trading app, under /api/v1/."""

from django.urls import path

from trading.api import accounts, analytics, orders, positions, practice, risk, rules, trades

_ACCOUNT = "accounts/<int:account_id>"
_TRADES = "paper-trading/trades"

# The most frequent request first: addresses are tried in this order.
urlpatterns = [
    path("orders", orders.OrderListView.as_view()),
    path("accounts", accounts.AccountListView.as_view()),
    path(_ACCOUNT, accounts.AccountView.as_view()),
    path(f"{_ACCOUNT}/positions", positions.AccountPositionsView.as_view()),
    path(f"{_ACCOUNT}/positions/<str:symbol>", positions.AccountPositionView.as_view()),
    path(f"{_ACCOUNT}/transactions", accounts.AccountTransactionsView.as_view()),
    path(f"{_ACCOUNT}/activities", accounts.AccountActivitiesView.as_view()),
    path(f"{_ACCOUNT}/orders", accounts.AccountOrdersView.as_view()),
    path(f"{_ACCOUNT}/equity", accounts.AccountEquityView.as_view()),
    path(f"{_ACCOUNT}/fees/schedule", accounts.AccountFeesView.as_view()),
    path(f"{_ACCOUNT}/portfolio", analytics.AccountPortfolioView.as_view()),
    path(f"{_ACCOUNT}/performance", analytics.AccountPerformanceView.as_view()),
    path(f"{_ACCOUNT}/trades", analytics.AccountTradesView.as_view()),
    path(f"{_ACCOUNT}/statement", analytics.AccountStatementView.as_view()),
    path(f"{_ACCOUNT}/rules", rules.AccountRulesView.as_view()),
    path(f"{_ACCOUNT}/verdicts", rules.AccountVerdictsView.as_view()),
    path("verdicts/<int:verdict_id>/evidence", rules.VerdictEvidenceView.as_view()),
    path("orders/preview", orders.OrderPreviewView.as_view()),
    path("orders/bulk", orders.OrderBulkView.as_view()),
    path("orders/<int:order_id>", orders.OrderDetailView.as_view()),
    path("orders/<int:order_id>/transitions", orders.OrderTransitionsView.as_view()),
    path("trading/execute", orders.ExecuteView.as_view()),
    path(_TRADES, trades.TradeListView.as_view()),
    path(f"{_TRADES}/<int:trade_id>", trades.TradeView.as_view()),
    path(f"{_TRADES}/<int:trade_id>/close", trades.TradeCloseView.as_view()),
    path(f"{_TRADES}/<int:trade_id>/cancel", trades.TradeCancelView.as_view()),
    path("practice", practice.PracticeView.as_view()),
    path("practice/reset", practice.PracticeResetView.as_view()),
    path("risk/settings", risk.RiskSettingsView.as_view()),
    path("risk/kill-switch", risk.KillSwitchView.as_view()),
]
