"""Operator pages about users. Every act goes through a service, with actor and reason; no password hash is shown."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from accounts.services import users
from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from core.throttling import address


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
        "is_active",
        "is_staff",
        "is_superuser",
        "token_version",
        "date_joined",
        "last_login",
    )
    action_form = ReasonForm
    actions = ("suspend", "reinstate", "make_moderator", "make_trader")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("accounts.change_user")

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    @admin.action(description="Suspend (give a reason)", permissions=["operate"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, users.user_suspend)

    @admin.action(description="Reinstate (give a reason)", permissions=["operate"])
    def reinstate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, users.user_reinstate)

    @admin.action(description="Make moderator (give a reason)", permissions=["administer"])
    def make_moderator(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, users.user_make_moderator)

    @admin.action(description="Make trader (give a reason)", permissions=["administer"])
    def make_trader(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, users.user_make_trader)

    def _each(self, request: HttpRequest, queryset: QuerySet[User], act: Callable[..., User]) -> None:
        ip = address(request)
        for user_id in queryset.values_list("pk", flat=True):
            try:
                user = act(actor=request.user, user_id=user_id, reason=reason_of(request), ip=ip)
            except DomainError as error:
                self.message_user(request, f"User {user_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{user} is now {user.status}, {user.role}.", messages.SUCCESS)
