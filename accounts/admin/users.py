"""Operator pages about users. Every act goes through a service, with actor and reason; no password hash is shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import DateTimeField, DateTimeInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, make_aware

from accounts.domain.impersonation import LOOKING
from accounts.models import User
from accounts.services import suspension
from accounts.services.impersonation import impersonation_begin
from accounts.services.roles import role_set
from core.admin import ReasonForm, reason_of
from core.errors import DomainError, Invalid
from core.readonly_admin import ReadOnlyAdmin
from core.throttling import address

MAX_AT_ONCE = 100


class SuspendForm(ReasonForm):
    """Asks for a reason and, for suspensions, until when."""

    until = DateTimeField(required=False, label="Until (UTC)", widget=DateTimeInput(attrs={"type": "datetime-local"}))


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("id", "email", "display_name", "kind", "role", "status", "is_active", "date_joined", "last_login")
    list_filter = ("status", "kind", "role", "is_active")
    search_fields = ("=email", "display_name")
    ordering = ("-id",)
    fields = (
        "email",
        "display_name",
        "kind",
        "role",
        "status",
        "suspended_reason",
        "suspended_until",
        "handle",
        "clearance",
        "anonymised_at",
        "is_active",
        "is_staff",
        "is_superuser",
        "token_version",
        "date_joined",
        "last_login",
    )
    action_form = SuspendForm
    actions = ("suspend", "reinstate", "look_as", "make_trader", "make_moderator", "make_finance", "make_admin")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("accounts.change_user")

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or getattr(request.user, "role", "") == User.Role.ADMIN

    @admin.action(description="Suspend (reason is told to the person; until when, or open)", permissions=["operate"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        try:
            until = until_of(request)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return
        self._each(request, queryset, partial(suspension.user_suspend, until=until))

    @admin.action(description="Reinstate (give a reason)", permissions=["operate"])
    def reinstate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, suspension.user_reinstate)

    @admin.action(description="Make trader (give a reason)", permissions=["administer"])
    def make_trader(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, partial(role_set, role=User.Role.TRADER))

    @admin.action(description="Make moderator (give a reason)", permissions=["administer"])
    def make_moderator(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, partial(role_set, role=User.Role.MODERATOR))

    @admin.action(description="Make finance (give a reason)", permissions=["administer"])
    def make_finance(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, partial(role_set, role=User.Role.FINANCE))

    @admin.action(description="Make administrator (give a reason)", permissions=["administer"])
    def make_admin(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, partial(role_set, role=User.Role.ADMIN))

    @admin.action(description="Look at the site as this trader, read-only (give a reason)", permissions=["operate"])
    def look_as(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        chosen = list(queryset.values_list("pk", flat=True)[:2])
        if len(chosen) != 1:
            self.message_user(request, "Choose one user to look as.", messages.ERROR)
            return None
        try:
            looking = impersonation_begin(
                actor=cast(User, request.user),
                user_id=chosen[0],
                reason=reason_of(request),
                ip=address(request),
            )
        except DomainError as error:
            self.message_user(request, f"User {chosen[0]}: {error.message}", messages.ERROR)
            return None
        request.session[LOOKING] = looking.to_session()
        return redirect("account-list")

    def _each(self, request: HttpRequest, queryset: QuerySet[User], act: Callable[..., User]) -> None:
        ip = address(request)
        for user_id in queryset.values_list("pk", flat=True)[:MAX_AT_ONCE]:
            try:
                user = act(actor=request.user, user_id=user_id, reason=reason_of(request), ip=ip)
            except DomainError as error:
                self.message_user(request, f"User {user_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{user} is now {user.status}, {user.role}.", messages.SUCCESS)


def until_of(request: HttpRequest) -> datetime | None:
    """The moment given with a suspension (UTC), or None; raises Invalid when it is not one."""
    text = request.POST.get("until", "").strip()
    if not text:
        return None
    moment = parse_datetime(text)
    if moment is None:
        raise Invalid("invalid", "Until when? Give a date and a time, such as 2026-12-31 18:00.")
    return moment if is_aware(moment) else make_aware(moment, UTC)
