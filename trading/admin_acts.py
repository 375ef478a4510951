"""Audited acts of operators on rows of the admin, each for a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import act_on as core_act_on
from trading.domain.types import Actor


def act_on(
    page: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet, act: Callable[[Any, Actor, str], str]
) -> None:
    """`core.admin.act_on` with who acts, as services of trading take it."""
    actor = Actor(user_id=request.user.pk, is_staff=True, label=str(getattr(request.user, "display_name", "")))
    core_act_on(page, request, queryset, lambda row, reason: act(row, actor, reason))
