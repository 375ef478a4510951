"""Operator pages. History is read-only; a market's status changes by audited actions with a reason."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin import ReasonForm, act_on
from core.readonly_admin import ReadOnlyAdmin
from marketdata import admin_feed, admin_sessions  # noqa: F401  (they register their pages)
from marketdata.models import BarSeries, CorporateAction, DailyBar, FxRate, Instrument, Listing, Market
from marketdata.services import listings, markets

BARS_SHOWN = 30


@admin.register(Instrument)
class InstrumentAdmin(admin.ModelAdmin):
    """Names and the active flag can be corrected; what prices depend on cannot."""

    list_display = ("symbol", "name", "exchange", "currency", "sector", "is_simulated", "is_active")
    list_filter = ("is_simulated", "is_active", "exchange", "sector")
    search_fields = ("symbol", "name")
    readonly_fields = ("symbol", "exchange", "currency", "tick_size", "lot_size", "is_simulated")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Instrument | None = None) -> bool:
        return False


@admin.register(BarSeries)
class BarSeriesAdmin(ReadOnlyAdmin):
    """Provenance, and the last bars (their table has a composite key, which the admin cannot list on its own)."""

    list_display = ("instrument", "source", "licence", "first_date", "last_date", "bars", "seed", "imported_at")
    list_filter = ("source", "licence")
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
    readonly_fields = ("last_bars",)

    @admin.display(description="Last bars")
    def last_bars(self, obj: BarSeries) -> SafeString:
        columns = ("date", "open", "high", "low", "close", "volume")
        bars = DailyBar.objects.filter(instrument_id=obj.instrument_id).order_by("-date").values_list(*columns)
        head = format_html_join("", "<th>{}</th>", ((column,) for column in columns))
        row = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html("<table><tr>{}</tr>{}</table>", head, format_html_join("", row, bars[:BARS_SHOWN]))


@admin.register(CorporateAction)
class CorporateActionAdmin(ReadOnlyAdmin):
    list_display = ("instrument", "kind", "ex_date", "value", "new_symbol")
    list_filter = ("kind",)
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
    ordering = ("-ex_date",)


@admin.register(FxRate)
class FxRateAdmin(ReadOnlyAdmin):
    list_display = ("base", "quote", "date", "rate", "source")
    list_filter = ("base", "quote", "source")
    ordering = ("-date", "base", "quote")


@admin.register(Listing)
class ListingAdmin(ReadOnlyAdmin):
    """A listing can be halted, so that nothing of it fills, and resumed."""

    list_display = ("symbol", "market", "instrument", "position", "halted_at", "halt_reason")
    list_filter = (("halted_at", admin.EmptyFieldListFilter),)
    list_select_related = ("market", "instrument")
    search_fields = ("symbol", "=market__slug")
    action_form = ReasonForm
    actions = ("halt", "resume")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("marketdata.change_listing")

    @admin.action(description="Halt trading", permissions=["operate"])
    def halt(self, request: HttpRequest, queryset: QuerySet[Listing]) -> None:
        def act(row: Listing, reason: str) -> str:
            listings.listing_halt(actor=request.user, listing_id=row.pk, reason=reason)
            return "halted"

        act_on(self, request, queryset, act)

    @admin.action(description="Resume trading", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Listing]) -> None:
        def act(row: Listing, reason: str) -> str:
            listings.listing_resume(actor=request.user, listing_id=row.pk, reason=reason)
            return "trading"

        act_on(self, request, queryset, act)


@admin.register(Market)
class MarketAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "kind", "status", "tick", "days_total", "tick_at", "is_simulated", "created_at")
    list_filter = ("kind", "status", "is_simulated")
    search_fields = ("slug", "name")
    ordering = ("-id",)
    action_form = ReasonForm
    actions = ("start", "pause", "resume", "end")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("marketdata.change_market")

    def _each(self, request: HttpRequest, queryset: QuerySet[Market], change: Callable[..., object], done: str) -> None:
        def act(row: Market, reason: str) -> str:
            change(actor=request.user, market_id=row.pk, reason=reason)
            return done

        act_on(self, request, queryset, act)

    @admin.action(description="Start", permissions=["operate"])
    def start(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        self._each(request, queryset, markets.market_start, "running")

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        self._each(request, queryset, markets.market_pause, "paused")

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        self._each(request, queryset, markets.market_resume, "running")

    @admin.action(description="End for good", permissions=["operate"])
    def end(self, request: HttpRequest, queryset: QuerySet[Market]) -> None:
        self._each(request, queryset, markets.market_end, "ended")
