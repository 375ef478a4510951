"""Trading in the admin: rows are read-only, because they move only through services.

Operators lock, unlock and flatten accounts, and stop a person or let them go on, by audited actions with a reason.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import ReasonForm
from core.readonly_admin import ReadOnlyAdmin
from trading import admin_pauses, admin_rules  # noqa: F401  register their own
from trading.admin_acts import act_on
from trading.domain.types import Actor
from trading.models import (
    Account,
    AccountGroup,
    AccountMark,
    Adjustment,
    EquityPoint,
    Fill,
    MarginCall,
    Order,
    OrderTransition,
    Position,
    RiskNotice,
    RiskSettings,
)
from trading.services import flatten, locking, risk


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts with their cached cash, which `verify_books` checks against the ledger."""

    list_display = ("id", "label", "owner", "purpose", "market", "status", "currency", "cash_minor", "reserved_minor")
    list_filter = ("purpose", "status", "currency")
    search_fields = ("label", "owner__display_name", "id")
    list_select_related = ("owner", "market")
    action_form = ReasonForm
    actions = ("lock", "unlock", "flatten")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("trading.change_account")

    @admin.action(description="Lock for good", permissions=["operate"])
    def lock(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        def act(row: Account, actor: Actor, reason: str) -> str:
            done = locking.account_lock(actor=actor, account_id=row.pk, reason=reason)
            return "locked" if done else "was locked already"

        act_on(self, request, queryset, act)

    @admin.action(description="Unlock", permissions=["operate"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        def act(row: Account, actor: Actor, reason: str) -> str:
            done = locking.account_unlock(actor=actor, account_id=row.pk, reason=reason)
            return "unlocked" if done else "was not locked"

        act_on(self, request, queryset, act)

    @admin.action(description="Flatten: cancel orders, close positions", permissions=["operate"])
    def flatten(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        def act(row: Account, actor: Actor, reason: str) -> str:
            done = flatten.account_flatten_operated(actor=actor, account_id=row.pk, reason=reason)
            left = "".join(f"; left {item.quantity} {item.symbol}: {item.message}" for item in done.left)
            return f"{len(done.canceled)} orders cancelled, {len(done.closed)} positions closed{left}"

        act_on(self, request, queryset, act)


@admin.register(AccountGroup)
class AccountGroupAdmin(ReadOnlyAdmin):
    """Groups of accounts and the policy data that judges their orders."""

    list_display = ("slug", "purpose", "market", "status", "created_at")
    list_filter = ("purpose", "status")
    search_fields = ("slug",)
    list_select_related = ("market",)


class TransitionInline(admin.TabularInline):
    """The order's audit trail."""

    model = OrderTransition
    extra = 0
    can_delete = False
    fields = readonly_fields = ("from_status", "to_status", "reason", "actor_id", "market_at", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders with their life."""

    list_display = ("id", "account", "symbol", "side", "type", "quantity", "status", "code", "source", "created_at")
    list_filter = ("status", "side", "type", "source")
    search_fields = ("id", "symbol", "client_order_id")
    list_select_related = ("account",)
    inlines = (TransitionInline,)


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    """Executions with the quote that made them."""

    list_display = ("id", "account", "listing", "side", "quantity", "price", "notional_minor", "fee_minor", "market_at")
    list_filter = ("side",)
    search_fields = ("id", "order__id")
    list_select_related = ("account", "listing")


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    """Holdings."""

    list_display = ("account", "listing", "quantity", "reserved_quantity", "cost_minor", "realized_minor", "updated_at")
    list_select_related = ("account", "listing")


@admin.register(AccountMark)
class AccountMarkAdmin(ReadOnlyAdmin):
    """Latest marks."""

    list_display = ("account", "equity_minor", "cash_minor", "tick", "market_at")
    list_select_related = ("account",)


@admin.register(EquityPoint)
class EquityPointAdmin(ReadOnlyAdmin):
    """Equity curves."""

    list_display = ("account", "tick", "equity_minor", "cash_minor", "market_at")
    list_select_related = ("account",)
    show_full_result_count = False


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnlyAdmin):
    """Changes that no order made."""

    list_display = ("account", "kind", "listing", "quantity_before", "quantity_after", "cash_minor", "market_at")
    list_filter = ("kind",)
    search_fields = ("=account__id", "reference")
    list_select_related = ("account", "listing")


@admin.register(MarginCall)
class MarginCallAdmin(ReadOnlyAdmin):
    """Margin calls and how they ended."""

    list_display = (
        "account",
        "market_at",
        "equity_minor",
        "maintenance_minor",
        "outcome",
        "reduced_orders",
        "ended_at",
    )
    list_filter = ("outcome",)
    search_fields = ("=account__id",)
    list_select_related = ("account",)


@admin.register(RiskNotice)
class RiskNoticeAdmin(ReadOnlyAdmin):
    """What was told about risk."""

    list_display = ("account", "kind", "day_index", "market_at")
    list_filter = ("kind",)
    list_select_related = ("account",)


@admin.register(RiskSettings)
class RiskSettingsAdmin(ReadOnlyAdmin):
    """People's limits; an operator may stop a person and let them go on."""

    list_display = ("owner", "tolerance", "limits", "pending", "updated_at")
    list_filter = ("tolerance",)
    search_fields = ("owner__display_name", "=owner__id")
    list_select_related = ("owner",)
    action_form = ReasonForm
    actions = ("stop", "release")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("trading.change_risksettings")

    @admin.action(description="Kill switch: block, cancel, close", permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[RiskSettings]) -> None:
        def act(row: RiskSettings, actor: Actor, reason: str) -> str:
            done = risk.kill_switch(actor=actor, user_id=row.owner_id, reason=reason)
            return "stopped" if done.is_done else "stopped, with positions or orders left: see the accounts"

        act_on(self, request, queryset, act)

    @admin.action(description="Let trade again", permissions=["operate"])
    def release(self, request: HttpRequest, queryset: QuerySet[RiskSettings]) -> None:
        def act(row: RiskSettings, actor: Actor, reason: str) -> str:
            risk.kill_switch_release(actor=actor, user_id=row.owner_id, reason=reason)
            return "may trade again"

        act_on(self, request, queryset, act)
