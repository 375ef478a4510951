"""What every app's operator pages share."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.forms import CharField
from django.http import HttpRequest


class ReasonForm(ActionForm):
    """Asks why beside the choice of an action; every action of an operator has a reason."""

    reason = CharField(required=False, max_length=300, label="Reason")


def reason_of(request: HttpRequest) -> str:
    """The reason given with an admin action."""
    return request.POST.get("reason", "").strip()


class ReadOnlyInline(admin.TabularInline):
    """Rows of a parent, shown and not changed."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
