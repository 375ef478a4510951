"""Pages of the trading app."""

from django.urls import path

from trading.web import accounts, orders, practice, risk, tickets, verdicts

_ACCOUNT = "accounts/<int:account_id>"
_POSITION = f"{_ACCOUNT}/positions/<str:symbol>"

urlpatterns = [
    path("account", accounts.account_list, name="account-list"),
    path("accounts", accounts.account_list),
    path(_ACCOUNT, accounts.account, name="account"),
    path(f"{_ACCOUNT}/analytics", accounts.analytics, name="account-analytics"),
    path(f"{_ACCOUNT}/statement", accounts.statement, name="account-statement"),
    path(f"{_ACCOUNT}/figures", accounts.figures, name="account-figures"),
    path(f"{_ACCOUNT}/plan", accounts.plan_part, name="account-plan"),
    path(f"{_ACCOUNT}/positions", accounts.blotter_part, {"part": "positions"}, name="account-positions"),
    path(f"{_ACCOUNT}/orders/open", accounts.blotter_part, {"part": "orders"}, name="account-open-orders"),
    path(f"{_ACCOUNT}/trades", accounts.blotter_part, {"part": "trades"}, name="account-trades"),
    path(f"{_ACCOUNT}/orders", tickets.order_place, name="order-place"),
    path(f"{_ACCOUNT}/orders/preview", tickets.order_preview, name="order-preview"),
    path(f"{_ACCOUNT}/orders/size", tickets.order_size, name="order-size"),
    path(f"{_ACCOUNT}/orders/cancel", orders.orders_cancel, name="orders-cancel"),
    path(f"{_POSITION}/manage", tickets.position_manage, name="position-manage"),
    path(f"{_POSITION}/close", tickets.position_close, name="position-close"),
    path(f"{_POSITION}/protect", tickets.position_protect, name="position-protect"),
    path("verdicts/<int:verdict_id>/evidence.json", verdicts.evidence_json, name="verdict-evidence-json"),
    path("verdicts/<int:verdict_id>/evidence.pdf", verdicts.evidence_pdf, name="verdict-evidence-pdf"),
    path("practice", practice.practice, name="practice"),
    path("practice/again", practice.practice_again, name="practice-again"),
    path("risk", risk.risk_page, name="risk"),
    path("risk/kill", risk.kill, name="risk-kill"),
    path("risk/release", risk.release, name="risk-release"),
    path("orders/<int:order_id>", orders.order_page, name="order"),
    path("orders/<int:order_id>/trail", orders.order_trail, name="order-trail"),
    path("orders/<int:order_id>/amend", orders.order_amend, name="order-amend"),
    path("orders/<int:order_id>/replace", orders.order_replace, name="order-replace"),
    path("orders/<int:order_id>/cancel", orders.order_cancel, name="order-cancel"),
]
