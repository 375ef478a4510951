"""API of the trading app, under /api/v1/."""

from django.urls import path

from trading.api import views

urlpatterns = [
    path("accounts", views.AccountListView.as_view()),
    path("accounts/<int:account_id>", views.AccountView.as_view()),
    path("accounts/<int:account_id>/positions", views.AccountPositionsView.as_view()),
    path("accounts/<int:account_id>/transactions", views.AccountTransactionsView.as_view()),
    path("accounts/<int:account_id>/orders", views.AccountOrdersView.as_view()),
    path("accounts/<int:account_id>/equity", views.AccountEquityView.as_view()),
    path("orders", views.OrderListView.as_view()),
    path("orders/preview", views.OrderPreviewView.as_view()),
    path("orders/<int:order_id>", views.OrderDetailView.as_view()),
    path("orders/<int:order_id>/transitions", views.OrderTransitionsView.as_view()),
    path("trading/execute", views.ExecuteView.as_view()),
]
