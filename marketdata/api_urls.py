"""API of the marketdata app, under /api/v1/."""

from django.urls import path

from marketdata import api

urlpatterns = [
    path("stocks/prices", api.PricesView.as_view(), name="stocks-prices"),
    path("stocks/metrics", api.MetricsView.as_view(), name="stocks-metrics"),
    path("stocks/<str:ticker>/history", api.HistoryView.as_view(), name="stocks-history"),
    path("markets", api.MarketsView.as_view(), name="markets"),
    path("markets/<slug:slug>", api.MarketDetailView.as_view(), name="market-detail"),
]
