"""The audit trail: searched, read and exported; nothing in it can be changed."""

import json
from datetime import UTC, datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin.common import ReasonForm, reason_of
from core.errors import DomainError
from core.models import AuditEntry
from core.readonly_admin import ReadOnlyAdmin
from core.services.audit_export import audit_export
from core.throttling import address


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "actor_label", "action", "subject_type", "subject_id", "reason", "ip")
    list_filter = ("action", "subject_type", "created_at")
    search_fields = ("=subject_id", "=actor_id", "=request_id", "=ip", "actor_label", "reason")
    search_help_text = "A user's or object's id, a request id, an address; or words of the actor's name or the reason."
    date_hierarchy = "created_at"
    ordering = ("-id",)
    fields = (
        "created_at",
        "actor_id",
        "actor_label",
        "action",
        "subject_type",
        "subject_id",
        "changes",
        "reason",
        "ip",
        "request_id",
    )
    readonly_fields = ("changes",)
    action_form = ReasonForm
    actions = ("export_json", "export_csv")

    @admin.display(description="before and after")
    def changes(self, entry: AuditEntry) -> SafeString:
        before, after = entry.before or {}, entry.after or {}
        rows = [
            (name, json.dumps(before.get(name), ensure_ascii=False), json.dumps(after.get(name), ensure_ascii=False))
            for name in sorted({*before, *after})
        ]
        if not rows:
            return format_html("{}", "-")
        lines = format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", rows)
        return format_html("<table><tr><th></th><th>before</th><th>after</th></tr>{}</table>", lines)

    @admin.action(description="Export as JSON lines (give a reason)", permissions=["view"])
    def export_json(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> HttpResponseBase | None:
        return self._export(request, queryset, "json")

    @admin.action(description="Export as CSV (give a reason)", permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> HttpResponseBase | None:
        return self._export(request, queryset, "csv")

    def _export(self, request: HttpRequest, queryset: QuerySet[AuditEntry], kind: str) -> HttpResponseBase | None:
        try:
            lines = audit_export(
                actor=request.user, rows=queryset, kind=kind, reason=reason_of(request), ip=address(request)
            )
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return None
        name = f"audit-{datetime.now(tz=UTC):%Y%m%d-%H%M%S}.{'csv' if kind == 'csv' else 'jsonl'}"
        response = StreamingHttpResponse(lines, content_type="text/csv" if kind == "csv" else "application/x-ndjson")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "no-store"
        return response
