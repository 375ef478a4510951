"""Operator pages about contests. Every act goes through a service, with actor and reason."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from contests import admin_fairplay, admin_places  # noqa: F401
from contests.models import Award, Contest, Entry, Participant, StandingSnapshot
from contests.services import contests
from contests.services.closing import contest_end
from contests.services.settling import contest_settle
from core.admin import ReadOnlyInline, ReasonForm, reason_of
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from trading.domain.types import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The operator who acts."""
    user: Any = request.user
    return Actor(user_id=user.pk, is_staff=True, label=user.display_name)


class ParticipantInline(ReadOnlyInline):
    model = Participant
    fields = ("user", "kind", "account", "joined_at", "final_rank", "final_value_minor", "final_trades")
    readonly_fields = fields
    max_num = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        return super().get_queryset(request).select_related("user", "account").order_by("final_rank", "id")


@admin.register(Contest)
class ContestAdmin(ReadOnlyAdmin):
    list_display = (
        "slug",
        "name",
        "status",
        "visibility",
        "is_featured",
        "starts_at",
        "ends_at",
        "started_at",
        "ended_at",
    )
    list_filter = ("status", "visibility", "is_featured", "auto_renew")
    search_fields = ("=slug", "name", "=series")
    list_select_related = ("market",)
    action_form = ReasonForm
    actions = ("schedule", "start", "pause", "resume", "end", "settle", "cancel", "feature", "unfeature")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("contests.change_contest")

    def get_inlines(self, request: HttpRequest, obj: Contest | None) -> list[Any]:
        small = obj is not None and obj.participants.count() <= 200
        return [ParticipantInline] if small else []

    @admin.action(description="Schedule (give a reason)", permissions=["operate"])
    def schedule(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._each(request, queryset, contests.contest_schedule)

    @admin.action(description="Start now (give a reason)", permissions=["operate"])
    def start(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._each(request, queryset, contests.contest_start)

    @admin.action(description="Pause (give a reason)", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._each(request, queryset, contests.contest_pause)

    @admin.action(description="Resume (give a reason)", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._each(request, queryset, contests.contest_resume)

    @admin.action(description="End now and freeze the ranks (give a reason)", permissions=["operate"])
    def end(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._each(request, queryset, contest_end)

    @admin.action(description="Settle: owe the winners their prizes (give a reason)", permissions=["operate"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._each(request, queryset, contest_settle)

    @admin.action(description="Cancel, without ranks (give a reason)", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._each(request, queryset, contests.contest_cancel)

    @admin.action(description="Put on the front page", permissions=["operate"])
    def feature(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._feature(request, queryset, featured=True)

    @admin.action(description="Take off the front page", permissions=["operate"])
    def unfeature(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        self._feature(request, queryset, featured=False)

    def _feature(self, request: HttpRequest, queryset: QuerySet[Contest], *, featured: bool) -> None:
        for contest_id in queryset.values_list("id", flat=True):
            contests.contest_feature(actor=actor_of(request), contest_id=contest_id, featured=featured)

    def _each(self, request: HttpRequest, queryset: QuerySet[Contest], act: Callable[..., object]) -> None:
        reason = reason_of(request)
        if not reason:
            self.message_user(request, "Give a reason for the audit trail.", messages.ERROR)
            return
        for contest_id, slug in list(queryset.order_by("id").values_list("id", "slug")):
            try:
                act(actor=actor_of(request), contest_id=contest_id, reason=reason)
            except DomainError as error:
                self.message_user(request, f"{slug}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{slug}: done.", messages.SUCCESS)


@admin.register(Participant)
class ParticipantAdmin(ReadOnlyAdmin):
    list_display = ("id", "contest", "display_name", "kind", "account", "joined_at", "final_rank", "final_value_minor")
    list_filter = ("kind",)
    search_fields = ("display_name", "=contest__slug")
    list_select_related = ("contest", "account")


@admin.register(StandingSnapshot)
class StandingSnapshotAdmin(ReadOnlyAdmin):
    list_display = ("contest", "day_index", "tick", "is_final", "total", "hash")
    list_filter = ("is_final",)
    search_fields = ("=contest__slug",)
    list_select_related = ("contest",)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "contest", "user", "status", "payment", "reason", "created_at")
    list_filter = ("status",)
    search_fields = ("=contest__slug", "=user__email")
    list_select_related = ("contest", "user", "payment")


@admin.register(Award)
class AwardAdmin(ReadOnlyAdmin):
    list_display = ("contest", "place", "participant", "amount_minor", "currency", "badge", "created_at")
    list_filter = ("currency",)
    search_fields = ("=contest__slug", "participant__display_name")
    list_select_related = ("contest", "participant")
