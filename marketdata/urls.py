"""Pages of the marketdata app."""

from django.urls import path

from marketdata import web

urlpatterns = [
    path("markets/<int:market_id>/candles/<str:symbol>", web.candles, name="market-candles"),
]
