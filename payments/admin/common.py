"""What the operator pages of money share."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse

from core.admin import reason_of
from core.errors import DomainError
from core.money import Money
from core.readonly_admin import ReadOnlyAdmin

MAX_AT_ONCE = 20


def amount(minor: int, currency: str) -> str:
    """An amount as people read it."""
    return f"{Money(minor, currency).amount:,f} {currency}"


class MoneyAdmin(ReadOnlyAdmin):
    """Shows rows; acts only through services, for who may change the model."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the person may act here."""
        return bool(request.user.has_perm(f"payments.change_{self.model._meta.model_name}"))

    def each(self, request: HttpRequest, queryset: QuerySet[Any], act: Callable[[int, str], Any], done: str) -> None:
        """Act on each chosen row with the reason given; what is refused is said."""
        for pk in queryset.order_by("pk").values_list("pk", flat=True)[:MAX_AT_ONCE]:
            try:
                act(pk, reason_of(request))
            except DomainError as error:
                self.message_user(request, f"{pk}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{pk}: {done}", messages.SUCCESS)


class MakingAdmin(MoneyAdmin):
    """Rows that an operator makes by a form of ours, at `new/`, which calls a service."""

    change_list_template = "admin/payments/change_list.html"
    making: ClassVar[tuple[str, type[forms.Form]]]  # title, form

    def make(self, request: HttpRequest, fields: dict[str, Any]) -> Model:
        """Call the service."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"payments_{self.model._meta.model_name}_new"
        return [path("new/", self.admin_site.admin_view(self.new), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        link = {"title": self.making[0], "url": "new/"} if self.has_operate_permission(request) else None
        return super().changelist_view(request, {**(extra_context or {}), "making": link})

    def new(self, request: HttpRequest) -> HttpResponse:
        """The form, and what it makes."""
        if not self.has_operate_permission(request):
            return HttpResponse(status=403)
        title, make_form = self.making
        form = make_form(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                row = self.make(request, form.cleaned_data)
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                self.message_user(request, f"{row} was made.", messages.SUCCESS)
                return redirect(reverse(f"admin:payments_{self.model._meta.model_name}_changelist"))
        context = {**self.admin_site.each_context(request), "title": title, "form": form, "opts": self.model._meta}
        return render(request, "admin/payments/form.html", context, status=422 if form.is_bound else 200)
