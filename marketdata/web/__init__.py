"""Pages of the marketdata app: the overview, symbols, search, watchlists, and candles for charts."""

from marketdata.web.charts import candles
from marketdata.web.overview import markets, markets_pulse, quotes
from marketdata.web.search import search_page, search_suggest
from marketdata.web.symbols import symbol, symbol_news
from marketdata.web.watchlists import (
    watchlist,
    watchlist_add,
    watchlist_delete,
    watchlist_move,
    watchlist_remove,
    watchlist_rename,
    watchlists,
)

__all__ = [
    "candles",
    "markets",
    "markets_pulse",
    "quotes",
    "search_page",
    "search_suggest",
    "symbol",
    "symbol_news",
    "watchlist",
    "watchlist_add",
    "watchlist_delete",
    "watchlist_move",
    "watchlist_remove",
    "watchlist_rename",
    "watchlists",
]
