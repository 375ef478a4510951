"""Scheduled news: looked at here, and imported from a file."""

from __future__ import annotations

from django.contrib import admin

from propfirm.admin.common import FirmAdmin
from propfirm.models import EconomicEvent


@admin.register(EconomicEvent)
class EconomicEventAdmin(FirmAdmin):
    list_display = ("at", "title", "impact", "country", "symbols", "source", "imported_at")
    list_filter = ("impact", "source")
    search_fields = ("title", "=country", "=external_id")
    date_hierarchy = "at"
    ordering = ("-at", "id")
