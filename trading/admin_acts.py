"""Audited acts of operators on rows of the admin, each for a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Model, QuerySet
from django.forms import CharField
from django.http import HttpRequest

from core.errors import DomainError
from trading.domain.types import Actor


class ReasonForm(ActionForm):
    """Asks why beside the choice of an action."""

    reason = CharField(required=False, max_length=200, label="Reason")


def _actor(request: HttpRequest) -> Actor:
    return Actor(user_id=request.user.pk, is_staff=True, label=str(getattr(request.user, "display_name", "")))


def act_on(
    page: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet, act: Callable[[Any, Actor, str], str]
) -> None:
    """Do an audited act on each row, for a reason, and say what became of it."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        page.message_user(request, "Give a reason.", messages.ERROR)
        return
    for row in queryset:
        try:
            page.message_user(request, f"{_name(row)}: {act(row, _actor(request), reason)}", messages.SUCCESS)
        except DomainError as error:
            page.message_user(request, f"{_name(row)}: {error.message}", messages.ERROR)


def _name(row: Model) -> str:
    return f"{row} ({row.pk})"
