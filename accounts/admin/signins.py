"""Sign-ins and second factors. Neither sessions nor secrets are shown."""

from typing import cast

from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import SignIn, User
from accounts.services import signins
from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from core.throttling import address

MAX_ENDED = 100


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "method", "country", "city", "created_at", "last_seen_at", "ended_because")
    list_filter = ("kind", "ended_because")
    list_select_related = ("user",)
    search_fields = ("=user__email", "=user__handle", "=ip")
    ordering = ("-created_at",)
    fields = (
        "user",
        "kind",
        "method",
        "ip",
        "country",
        "city",
        "user_agent",
        "created_at",
        "last_seen_at",
        "expires_at",
        "ended_at",
        "ended_because",
    )
    action_form = ReasonForm
    actions = ("end",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("accounts.change_signin")

    @admin.action(description="End these sign-ins (give a reason)", permissions=["operate"])
    def end(self, request: HttpRequest, queryset: QuerySet[SignIn]) -> None:
        ended = 0
        for signin_id in queryset.values_list("pk", flat=True)[:MAX_ENDED]:
            try:
                signins.signin_end_by_operator(
                    actor=cast(User, request.user), signin_id=signin_id, reason=reason_of(request), ip=address(request)
                )
            except DomainError as error:
                self.message_user(request, error.message, messages.ERROR)
                return
            ended += 1
        self.message_user(request, f"{ended} sign-ins are ended.", messages.SUCCESS)


# django-allauth's own page lets an operator read and write secrets.
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("=user__email", "=user__handle")
    ordering = ("-pk",)
    fields = ("user", "type", "created_at", "last_used_at")
