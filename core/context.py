"""Template context for every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from core.flags import flags_on

SECTIONS = {
    "landing": "arena",
    "pricing": "plans",
    "billing": "plans",
    "practice": "account",
    "design": "design",
    "account-list": "account",
    "account": "account",
    "markets": "markets",
    "symbol": "markets",
    "search": "markets",
    "watchlists": "watchlists",
    "watchlist": "watchlists",
}


def site(request: HttpRequest) -> dict[str, Any]:
    """Site-wide values: where the stream is, the section of the navigation, the platform's switches that are on."""
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    section = SECTIONS.get(name, "contests" if name.startswith("contest") else "")
    return {"stream_url": settings.STREAM_PUBLIC_URL, "section": section, "flags": flags_on}
