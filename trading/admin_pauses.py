"""Pauses of enforcement in the admin: read-only, closed by an audited action with a reason."""
# ruff: noqa: D102 - the hooks are Django's.

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import ReasonForm
from core.readonly_admin import ReadOnlyAdmin
from trading.admin_acts import act_on
from trading.domain.types import Actor
from trading.models import EnforcementPause
from trading.services import pauses


@admin.register(EnforcementPause)
class EnforcementPauseAdmin(ReadOnlyAdmin):
    """Listings whose price was not believed, and at which price their holders were judged meanwhile."""

    list_display = (
        *("id", "listing", "market", "kind", "reason", "held_price", "seen_price"),
        *("from_at", "until_at", "end_reason", "released_by"),
    )
    list_filter = ("kind", ("until_tick", admin.EmptyFieldListFilter))
    list_select_related = ("listing", "market", "released_by")
    search_fields = ("listing__symbol", "=listing__id", "market__slug")
    ordering = ("-id",)
    action_form = ReasonForm
    actions = ("close",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_superuser or user.has_perm("trading.change_enforcementpause"))

    @admin.action(description="Close: judge by the market's price again", permissions=["operate"])
    def close(self, request: HttpRequest, queryset: QuerySet[EnforcementPause]) -> None:
        def act(row: EnforcementPause, actor: Actor, reason: str) -> str:
            pauses.pause_close(actor=actor, pause_id=row.pk, reason=reason)
            return "closed"

        act_on(self, request, queryset, act)
