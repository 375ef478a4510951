"""Places, templates and words of contests in the administration: looked at here, decided where they belong."""

from datetime import timedelta

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from contests.models import Broadcast, Certificate, Comment, ContestTemplate, Team, TeamMember, Waiting
from contests.services.moves import now
from contests.services.templates import contest_from_template, template_deactivate
from core.admin import ReadOnlyInline
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from trading.domain.types import Actor

SOON = timedelta(minutes=10)


class TeamMemberInline(ReadOnlyInline):
    """Who trades the account with the captain, and who did."""

    model = TeamMember
    fields = ("user", "joined_at", "left_at")
    readonly_fields = fields
    max_num = 0


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    """Who trades an account together."""

    list_display = ("id", "contest", "name", "participant", "created_at")
    search_fields = ("=contest__slug", "name")
    list_select_related = ("contest", "participant")
    inlines = (TeamMemberInline,)


@admin.register(Waiting)
class WaitingAdmin(ReadOnlyAdmin):
    """Who waits for a place."""

    list_display = ("id", "contest", "user", "status", "offered_until", "created_at")
    list_filter = ("status",)
    search_fields = ("=contest__slug", "=user__email")
    list_select_related = ("contest", "user")


@admin.register(ContestTemplate)
class ContestTemplateAdmin(ReadOnlyAdmin):
    """What contests are made from. The desk of a contest keeps new ones."""

    list_display = ("slug", "name", "cadence", "zone", "next_at", "is_arena", "is_active")
    list_filter = ("cadence", "is_arena", "is_active")
    search_fields = ("=slug", "name")
    actions = ("make_one", "deactivate")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the operator may act on templates."""
        return request.user.is_superuser or request.user.has_perm("contests.change_contest")

    @admin.action(description="Make a contest that starts in ten minutes", permissions=["operate"])
    def make_one(self, request: HttpRequest, queryset: QuerySet[ContestTemplate]) -> None:
        """One contest of each."""
        for slug in queryset.values_list("slug", flat=True):
            try:
                made = contest_from_template(actor=_actor(request), template=slug, starts_at=now() + SOON)
                self.message_user(request, f"{made.slug} is scheduled.", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{slug}: {error.message}", messages.ERROR)

    @admin.action(description="Use it no more", permissions=["operate"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[ContestTemplate]) -> None:
        """They make nothing from now on."""
        for slug in queryset.values_list("slug", flat=True):
            template_deactivate(actor=_actor(request), slug=slug)
            self.message_user(request, f"{slug}: done.", messages.SUCCESS)


def _actor(request: HttpRequest) -> Actor:
    user = request.user
    return Actor(user_id=user.pk, is_staff=True, label=getattr(user, "display_name", ""))


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    """What was said in chats."""

    list_display = ("id", "contest", "author", "body", "reports_count", "hidden_at", "created_at")
    search_fields = ("=contest__slug", "=author__email")
    list_select_related = ("contest", "author")


@admin.register(Broadcast)
class BroadcastAdmin(ReadOnlyAdmin):
    """What organisers wrote to everyone."""

    list_display = ("id", "contest", "author", "body", "created_at")
    search_fields = ("=contest__slug",)
    list_select_related = ("contest", "author")


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    """Certificates that were asked for."""

    list_display = ("code", "participant", "created_at")
    search_fields = ("=code",)
    list_select_related = ("participant",)
