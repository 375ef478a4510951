"""Operator pages of the feed: how it is doing, what it has left behind."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from core.readonly_admin import ReadOnlyAdmin
from marketdata.models import FeedAnomaly, FeedEvent, LatestQuote
from marketdata.selectors.live import feed_health
from marketdata.selectors.providers import provider_states


class FeedPage(ReadOnlyAdmin):
    """A read-only list with the feed's state and the vendors' above it."""

    change_list_template = "admin/marketdata/feed_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with how the feed and the vendors are doing."""
        more = {"feed": feed_health(), "providers": provider_states(), **(extra_context or {})}
        return super().changelist_view(request, more)


@admin.register(FeedEvent)
class FeedEventAdmin(FeedPage):
    """What happened: switches, gaps, back-fills, alerts."""

    list_display = ("at", "kind", "provider", "message")
    list_filter = ("kind", "provider")
    search_fields = ("message",)


@admin.register(FeedAnomaly)
class FeedAnomalyAdmin(FeedPage):
    """What was not taken, by day and kind."""

    list_display = ("date", "provider", "kind", "symbol", "count", "last_at")
    list_filter = ("kind", "provider", "date")
    search_fields = ("symbol",)


@admin.register(LatestQuote)
class LatestQuoteAdmin(FeedPage):
    """The last quotes that were kept, for when the board is lost."""

    list_display = ("instrument", "at", "provider", "stored_at")
    list_filter = ("provider",)
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
