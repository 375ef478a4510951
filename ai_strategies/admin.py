"""Operator pages about agents: who they are, their turns, their decisions."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from ai_strategies.models import Agent, AgentClock, AgentRun, AgentSeat, Backtest, Decision
from ai_strategies.services.agents import agent_set_active
from core.admin import ReasonForm, reason_of
from core.readonly_admin import ReadOnlyAdmin


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    list_display = ("key", "user", "strategy", "title", "is_active", "created_at")
    list_filter = ("strategy", "is_active")
    search_fields = ("=key", "user__display_name")
    list_select_related = ("user",)
    action_form = ReasonForm
    actions = ("activate", "deactivate")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("ai_strategies.change_agent")

    @admin.action(description="Let it take new seats (give a reason)", permissions=["operate"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        self._set(request, queryset, active=True)

    @admin.action(description="Let it take no new seats (give a reason)", permissions=["operate"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        self._set(request, queryset, active=False)

    def _set(self, request: HttpRequest, queryset: QuerySet[Agent], *, active: bool) -> None:
        reason = reason_of(request)
        if not reason:
            self.message_user(request, "Give a reason for the audit trail.", messages.ERROR)
            return
        for agent_id in queryset.values_list("id", flat=True):
            agent_set_active(actor=request.user, agent_id=agent_id, active=active, reason=reason)


@admin.register(AgentSeat)
class AgentSeatAdmin(ReadOnlyAdmin):
    list_display = ("id", "agent", "contest", "account", "created_at")
    search_fields = ("=agent__key", "=contest__slug")
    list_select_related = ("agent", "contest", "account")


@admin.register(AgentRun)
class AgentRunAdmin(ReadOnlyAdmin):
    list_display = ("id", "account_id", "tick", "state", "attempts", "error", "created_at", "started_at", "finished_at")
    list_filter = ("state",)
    search_fields = ("=account_id",)


@admin.register(AgentClock)
class AgentClockAdmin(ReadOnlyAdmin):
    list_display = ("contest", "tick", "market_at")
    list_select_related = ("contest",)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ("id", "agent", "tick", "action", "symbol", "quantity", "price", "status", "code", "reason")
    list_filter = ("action", "status", "agent")
    search_fields = ("=account__id", "=symbol")
    list_select_related = ("agent",)


@admin.register(Backtest)
class BacktestAdmin(ReadOnlyAdmin):
    list_display = ("id", "strategy", "params", "symbols", "start", "end", "requested_by", "elapsed_ms", "created_at")
    list_filter = ("strategy",)
    search_fields = ("=key",)
    list_select_related = ("requested_by",)
