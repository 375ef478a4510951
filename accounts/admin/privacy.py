"""Copies of data and deletions that people have asked for: shown, and changed by commands only."""

from django.contrib import admin

from accounts.models import DataExport, DeletionRequest
from core.readonly_admin import ReadOnlyAdmin


@admin.register(DataExport)
class DataExportAdmin(ReadOnlyAdmin):
    list_display = ("id", "user_id", "status", "progress", "size", "requested_at", "ready_at", "expires_at")
    list_filter = ("status",)
    search_fields = ("=user__id",)
    ordering = ("-id",)
    # Nobody but the person fetches the file, so not even its name is here.
    fields = ("user_id", "status", "progress", "size", "error", "requested_at", "ready_at", "expires_at")


@admin.register(DeletionRequest)
class DeletionRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "user_id", "status", "requested_at", "due_at", "reminded_at", "cancelled_at", "done_at")
    list_filter = ("status",)
    search_fields = ("=user__id",)
    ordering = ("-id",)
    fields = ("user_id", "status", "requested_at", "due_at", "reminded_at", "cancelled_at", "done_at")
