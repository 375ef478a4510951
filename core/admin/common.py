"""What every app's operator pages share."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Model
from django.forms import CharField
from django.http import HttpRequest

from core.errors import DomainError


class ReasonForm(ActionForm):
    """Asks why beside the choice of an action; every action of an operator has a reason."""

    reason = CharField(required=False, max_length=300, label="Reason")


def reason_of(request: HttpRequest) -> str:
    """The reason given with an admin action."""
    return request.POST.get("reason", "").strip()


def act_on(page: admin.ModelAdmin, request: HttpRequest, rows: Iterable[Model], act: Callable[[Any, str], str]) -> None:
    """Do an audited act on each row, for a reason, and say what became of it; `act` gives the words."""
    reason = reason_of(request)
    if not reason:
        page.message_user(request, "Give a reason.", messages.ERROR)
        return
    for row in rows:
        try:
            page.message_user(request, f"{row} ({row.pk}): {act(row, reason)}", messages.SUCCESS)
        except DomainError as error:
            page.message_user(request, f"{row} ({row.pk}): {error.message}", messages.ERROR)


class ReadOnlyInline(admin.TabularInline):
    """Rows of a parent, shown and not changed."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
