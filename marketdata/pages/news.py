"""Headlines about a symbol, where a provider has any."""

from __future__ import annotations

from urllib.parse import urlsplit

from core.errors import Unavailable
from marketdata.domain.providers import NewsItem, ProviderError
from marketdata.services.chain import Chain

MAX_ITEMS = 8
NOT_OFFERED = {ProviderError.UNSUPPORTED, ProviderError.NOT_ENTITLED, "provider_not_configured"}


def news_of(symbol: str, *, simulated: bool) -> list[NewsItem] | None:
    """The newest headlines; an empty list when there is none just now, None when no provider offers any."""
    if simulated:
        return None
    try:
        items = Chain().news(symbol, limit=MAX_ITEMS)
    except Unavailable as error:
        codes = {str(one.get("code")) for one in error.details.get("providers", {}).values()}
        return None if codes <= NOT_OFFERED else []
    return [item for item in items[:MAX_ITEMS] if urlsplit(item.url).scheme in ("http", "https")]
