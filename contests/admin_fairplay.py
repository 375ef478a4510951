"""Fair play in the administration, read-only: decisions are made in the moderators' queue, with both sides in view."""

from django.contrib import admin

from contests.models import Appeal, Finding, Sanction
from core.readonly_admin import ReadOnlyAdmin


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    """What detectors have found."""

    list_display = ("id", "contest", "kind", "participant", "other", "score", "status", "decided_by", "updated_at")
    list_filter = ("status", "kind")
    search_fields = ("=contest__slug", "participant__display_name")
    list_select_related = ("contest", "participant", "other", "decided_by")


@admin.register(Sanction)
class SanctionAdmin(ReadOnlyAdmin):
    """What moderators decided."""

    list_display = ("id", "participant", "kind", "reason", "finding", "decided_by", "created_at")
    list_filter = ("kind",)
    search_fields = ("=participant__contest__slug", "participant__display_name")
    list_select_related = ("participant", "finding", "decided_by")


@admin.register(Appeal)
class AppealAdmin(ReadOnlyAdmin):
    """What those concerned said to it."""

    list_display = ("id", "sanction", "status", "answered_by", "created_at", "answered_at")
    list_filter = ("status",)
    search_fields = ("=sanction__participant__contest__slug", "sanction__participant__display_name")
    list_select_related = ("sanction", "answered_by")
