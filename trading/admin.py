"""Trading in the admin: everything is read-only, because rows move only through the order path."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.readonly_admin import ReadOnlyAdmin
from trading.models import Account, AccountGroup, AccountMark, EquityPoint, Fill, Order, OrderTransition, Position


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts with their cached cash, which `verify_books` checks against the ledger."""

    list_display = ("id", "label", "owner", "purpose", "market", "status", "currency", "cash_minor", "reserved_minor")
    list_filter = ("purpose", "status", "currency")
    search_fields = ("label", "owner__display_name", "id")
    list_select_related = ("owner", "market")


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
