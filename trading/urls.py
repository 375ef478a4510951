"""Pages of the trading app."""

from django.urls import path

from trading import web

urlpatterns = [
    path("account", web.account_list, name="account-list"),
    path("accounts", web.account_list),
    path("accounts/<int:account_id>", web.account, name="account"),
    path("accounts/<int:account_id>/figures", web.figures, name="account-figures"),
    path("accounts/<int:account_id>/positions", web.blotter_part, {"part": "positions"}, name="account-positions"),
    path("accounts/<int:account_id>/orders/open", web.blotter_part, {"part": "orders"}, name="account-open-orders"),
    path("accounts/<int:account_id>/trades", web.blotter_part, {"part": "trades"}, name="account-trades"),
    path("accounts/<int:account_id>/orders", web.order_place, name="order-place"),
    path("accounts/<int:account_id>/orders/preview", web.order_preview, name="order-preview"),
    path("accounts/<int:account_id>/positions/<str:symbol>/close", web.position_close, name="position-close"),
    path("orders/<int:order_id>/cancel", web.order_cancel, name="order-cancel"),
    path("orders/<int:order_id>/trail", web.order_trail, name="order-trail"),
]
