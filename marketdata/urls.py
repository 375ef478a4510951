"""Pages of the marketdata app."""

from django.urls import path

from marketdata import web

urlpatterns = [
    path("markets", web.markets, name="markets"),
    path("markets/pulse", web.markets_pulse, name="markets-pulse"),
    path("markets/quotes", web.quotes, name="markets-quotes"),
    path("markets/<int:market_id>/candles/<str:symbol>", web.candles, name="market-candles"),
    path("symbols/<str:symbol>", web.symbol, name="symbol"),
    path("symbols/<str:symbol>/news", web.symbol_news, name="symbol-news"),
    path("search", web.search_page, name="search"),
    path("search/suggest", web.search_suggest, name="search-suggest"),
    path("watchlists", web.watchlists, name="watchlists"),
    path("watchlists/<int:watchlist_id>", web.watchlist, name="watchlist"),
    path("watchlists/<int:watchlist_id>/rename", web.watchlist_rename, name="watchlist-rename"),
    path("watchlists/<int:watchlist_id>/delete", web.watchlist_delete, name="watchlist-delete"),
    path("watchlists/<int:watchlist_id>/add", web.watchlist_add, name="watchlist-add"),
    path("watchlists/<int:watchlist_id>/remove", web.watchlist_remove, name="watchlist-remove"),
    path("watchlists/<int:watchlist_id>/move", web.watchlist_move, name="watchlist-move"),
]
