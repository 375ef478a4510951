"""API of the marketdata app, under /api/v1/."""

from django.urls import path

from marketdata.api import candles, markets, prices, udf, watchlists
from marketdata.api_sessions import MarketStatusView

urlpatterns = [
    path("stocks/prices", prices.PricesView.as_view(), name="stocks-prices"),
    path("stocks/metrics", prices.MetricsView.as_view(), name="stocks-metrics"),
    path("stocks/<str:ticker>/history", prices.HistoryView.as_view(), name="stocks-history"),
    path("stocks/<str:ticker>/quote", prices.QuoteView.as_view(), name="stocks-quote"),
    path("markets", markets.MarketsView.as_view(), name="markets"),
    path("markets/<slug:slug>", markets.MarketDetailView.as_view(), name="market-detail"),
    path("market-status", MarketStatusView.as_view(), name="market-status"),
    path("core/assets", candles.AssetsView.as_view(), name="assets"),
    path("assets/<str:asset>", candles.AssetView.as_view(), name="asset"),
    path("assets/<str:asset>/candles_v2", candles.CandlesView.as_view(), name="asset-candles"),
    path("core/assets/<str:asset>/candles_v2", candles.CandlesView.as_view(schema=None)),
    path("core/watchlists", watchlists.WatchlistsView.as_view(), name="watchlists"),
    path("core/watchlists/<int:watchlist_id>", watchlists.WatchlistDetailView.as_view(), name="watchlist"),
    path("core/watchlists/<int:watchlist_id>/items", watchlists.WatchlistItemsView.as_view(), name="watchlist-items"),
    path(
        "core/watchlists/<int:watchlist_id>/items/<int:instrument_id>",
        watchlists.WatchlistItemView.as_view(),
        name="watchlist-item",
    ),
    path("udf/config", udf.ConfigView.as_view(), name="udf-config"),
    path("udf/symbols", udf.SymbolsView.as_view(), name="udf-symbols"),
    path("udf/symbol_info", udf.SymbolInfoView.as_view(), name="udf-symbol-info"),
    path("udf/search", udf.SearchView.as_view(), name="udf-search"),
    path("udf/history", udf.UdfHistoryView.as_view(), name="udf-history"),
    path("udf/marks", udf.MarksView.as_view(), name="udf-marks"),
    path("udf/timescale_marks", udf.TimescaleMarksView.as_view(), name="udf-timescale-marks"),
    path("udf/time", udf.TimeView.as_view(), name="udf-time"),
    path("udf/quotes", udf.QuotesView.as_view(), name="udf-quotes"),
]
