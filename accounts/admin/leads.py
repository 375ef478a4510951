"""Leads: users who may be one person. A moderator looks, decides, and says why; nobody is banned by it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import AbuseLead
from accounts.services import leads
from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from core.throttling import address

MAX_DECIDED = 50


@admin.register(AbuseLead)
class AbuseLeadAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "score", "people", "status", "created_at", "updated_at", "decided_by")
    list_filter = ("status", "kind")
    list_select_related = ("decided_by",)
    ordering = ("-status", "-score", "-id")
    fields = ("kind", "score", "status", "who", "decided_by", "note", "created_at", "updated_at")
    readonly_fields = ("who",)
    action_form = ReasonForm
    actions = ("dismiss", "confirm")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AbuseLead]:
        rows: QuerySet[AbuseLead] = super().get_queryset(request).annotate(people_count=Count("users"))
        return rows

    @admin.display(description="Users", ordering="people_count")
    def people(self, lead: Any) -> int:
        return int(lead.people_count)

    @admin.display(description="Who, since when, how often")
    def who(self, lead: AbuseLead) -> SafeString:
        seen = {row["user_id"]: row for row in lead.evidence.get("users", [])}
        users = lead.users.order_by("pk").only("pk", "display_name", "status", "date_joined")[: leads.MAX_USERS]
        rows = (
            (
                reverse("admin:accounts_user_change", args=[user.pk]),
                f"{user.display_name} ({user.pk})",
                user.status,
                seen.get(user.pk, {}).get("first_seen", "?")[:16],
                seen.get(user.pk, {}).get("last_seen", "?")[:16],
                seen.get(user.pk, {}).get("times", "?"),
            )
            for user in users
        )
        row = '<li><a href="{}">{}</a>, {}: first {}, last {}, {} times</li>'
        total = format_html("<p>{} in all</p>", lead.evidence.get("count", 0))
        return format_html("<ul>{}</ul>{}", format_html_join("", row, rows), total)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("accounts.change_abuselead")

    @admin.action(description="Dismiss: harmless (say why)", permissions=["operate"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[AbuseLead]) -> None:
        self._each(request, queryset, leads.lead_dismiss)

    @admin.action(description="Confirm: one person (say what was done)", permissions=["operate"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[AbuseLead]) -> None:
        self._each(request, queryset, leads.lead_confirm)

    def _each(self, request: HttpRequest, queryset: QuerySet[AbuseLead], act: Callable[..., AbuseLead]) -> None:
        for lead_id in queryset.order_by("pk").values_list("pk", flat=True)[:MAX_DECIDED]:
            try:
                lead = act(actor=request.user, lead_id=lead_id, note=reason_of(request), ip=address(request))
            except DomainError as error:
                self.message_user(request, f"Lead {lead_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"Lead {lead_id} is {lead.status}.", messages.SUCCESS)
