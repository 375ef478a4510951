"""What the operator pages of the firm share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.models import User
from core.admin import reason_of
from core.errors import DomainError
from payments.admin.common import MoneyAdmin


def user_of(request: HttpRequest) -> User:
    """The operator who asks."""
    return cast(User, request.user)


class FirmAdmin(MoneyAdmin):
    """Shows rows; acts only through services, for who may change the model."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the person may act here."""
        user = request.user
        return bool(user.is_superuser or user.has_perm(f"propfirm.change_{self.opts.model_name}"))

    def address(self, row: Any) -> str:
        """The page of a row."""
        return reverse(f"admin:propfirm_{self.opts.model_name}_change", args=[row.pk])

    def page(
        self, request: HttpRequest, template: str, title: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        """A page of ours in the administration."""
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "may_act": self.has_operate_permission(request),
            **context,
        }
        return render(request, f"admin/propfirm/{template}.html", whole, status=status)

    def attempt(self, request: HttpRequest, act: Callable[[], Any], done: str) -> bool:
        """Do it, or say why not; whether it was done."""
        try:
            act()
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return False
        self.message_user(request, done, messages.SUCCESS)
        return True

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a row: `show` it; what is posted goes to `act`, for who may."""
        if type(self).show is FirmAdmin.show:
            return super().change_view(request, object_id, form_url, extra_context)
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            self.message_user(request, f"There is no {self.opts.verbose_name} {object_id}.", messages.WARNING)
            return redirect(f"admin:propfirm_{self.opts.model_name}_changelist")
        if request.method != "POST":
            return self.show(request, row)
        if not self.has_operate_permission(request):
            raise PermissionDenied
        return self.act(request, row, request.POST.get("do", ""), reason_of(request)) or redirect(self.address(row))

    def show(self, request: HttpRequest, row: Any) -> HttpResponse:
        """The page of a row."""
        raise NotImplementedError

    def act(self, request: HttpRequest, row: Any, do: str, reason: str) -> HttpResponse | None:
        """Do what a button of the page says; None goes back to the page."""
        raise NotImplementedError
