"""Headlines about a symbol, where a provider has any."""

from __future__ import annotations

from urllib.parse import urlsplit

from marketdata.domain.providers import NewsItem, ProviderError

MAX_ITEMS = 8


def news_of(symbol: str, *, simulated: bool) -> list[NewsItem] | None:
    """The newest headlines; an empty list when there is none just now, None when no provider offers any."""
    if simulated:
        return None
    from marketdata.services.chain import Chain

    try:
        items = Chain().news(symbol, limit=MAX_ITEMS)
    except ProviderError as error:
        return None if error.code in (ProviderError.UNSUPPORTED, ProviderError.NOT_ENTITLED) else []
    return [item for item in items[:MAX_ITEMS] if urlsplit(item.url).scheme in ("http", "https")]
