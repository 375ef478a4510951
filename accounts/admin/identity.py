"""The queue of identity checks: a first person recommends, a second one decides."""

from collections.abc import Callable
from functools import partial

from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from accounts.domain.identity import ASSESSED, SUBMITTED
from accounts.models import IdentityCheck
from accounts.services import identity
from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from core.throttling import address

MAX_AT_ONCE = 20


@admin.register(IdentityCheck)
class IdentityCheckAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "status", "country", "waiting", "recommends_approval", "assessed_by", "decided_by")
    list_filter = ("status", "country", "provider")
    list_select_related = ("user", "assessed_by", "decided_by")
    search_fields = ("=user__id", "legal_name")
    # What waits for a person comes first, the oldest of it at the top.
    ordering = (Case(When(status__in=(SUBMITTED, ASSESSED), then=0), default=1), "submitted_at", "id")
    fields = (
        "user",
        "status",
        "legal_name",
        "country",
        "documents",
        "submitted_at",
        "assessed_by",
        "recommends_approval",
        "assessment",
        "decided_by",
        "decided_at",
        "reason",
        "expires_at",
    )
    readonly_fields = ("documents",)
    action_form = ReasonForm
    actions = ("recommend_approval", "recommend_rejection", "approve", "reject")

    def has_review_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser or request.user.has_perm("accounts.change_identitycheck"))

    @admin.display(description="waiting for")
    def waiting(self, check: IdentityCheck) -> str:
        if check.submitted_at is None or check.status not in (SUBMITTED, ASSESSED):
            return "-"
        return timesince(check.submitted_at, timezone.now())

    @admin.display(description="documents (each look is recorded)")
    def documents(self, check: IdentityCheck) -> SafeString:
        rows = (
            (reverse("identity-document", args=[row.pk]), row.get_kind_display(), row.content_type, row.size // 1024)
            for row in check.documents.filter(purged_at__isnull=True).order_by("pk")
        )
        items = format_html_join("", '<li><a href="{}" target="_blank" rel="noopener">{}</a> ({}, {} KiB)</li>', rows)
        return format_html("<ul>{}</ul>", items or "none")

    @admin.action(description="First look: recommend approval (note)", permissions=["review"])
    def recommend_approval(self, request: HttpRequest, queryset: QuerySet[IdentityCheck]) -> None:
        self._each(request, queryset, partial(identity.identity_assess, approve=True), "note")

    @admin.action(description="First look: recommend rejection (note)", permissions=["review"])
    def recommend_rejection(self, request: HttpRequest, queryset: QuerySet[IdentityCheck]) -> None:
        self._each(request, queryset, partial(identity.identity_assess, approve=False), "note")

    @admin.action(description="Second person: approve (reason is told)", permissions=["review"])
    def approve(self, request: HttpRequest, queryset: QuerySet[IdentityCheck]) -> None:
        self._each(request, queryset, partial(identity.identity_decide, approve=True), "reason")

    @admin.action(description="Second person: reject (reason is told)", permissions=["review"])
    def reject(self, request: HttpRequest, queryset: QuerySet[IdentityCheck]) -> None:
        self._each(request, queryset, partial(identity.identity_decide, approve=False), "reason")

    def _each(
        self, request: HttpRequest, queryset: QuerySet[IdentityCheck], act: Callable[..., IdentityCheck], word: str
    ) -> None:
        for check_id in queryset.values_list("pk", flat=True)[:MAX_AT_ONCE]:
            try:
                check = act(actor=request.user, check_id=check_id, ip=address(request), **{word: reason_of(request)})
            except DomainError as error:
                self.message_user(request, f"Check {check_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"Check {check_id} is now {check.status}.", messages.SUCCESS)
