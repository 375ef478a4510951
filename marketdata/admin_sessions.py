"""Operator pages of exchanges: every change has a reason and is audited, and every process hears of it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from marketdata.models import (
    CalendarRange,
    Exchange,
    ExchangeHalt,
    ExchangeHoliday,
    ExchangeSession,
    MarketPolicy,
    PriceBandRule,
    SessionPhase,
    TickSizeRule,
)
from marketdata.services import exchanges, sessions


class ReasonActionForm(ActionForm):
    """Asks why beside the choice of an action."""

    reason = forms.CharField(required=False, max_length=300, label="Reason")


class ReasonedForm(forms.ModelForm):
    """A row's form that asks why."""

    reason = forms.CharField(max_length=300, help_text="Kept in the audit log")


class ReasonedAdmin(admin.ModelAdmin):
    """Rows that are added and changed for a reason, and never deleted; a service's refusal is shown on the page."""

    form: type[forms.ModelForm] = ReasonedForm
    list_per_page = 50
    show_full_result_count = False
    fixed: tuple[str, ...] = ()  # what cannot be changed in a row that is there

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never: rows end, by their last day or by an action."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a row is about stays."""
        return [*super().get_readonly_fields(request, obj), *(self.fixed if obj is not None else ())]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page, again with the reason when a service refuses."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def each(self, request: HttpRequest, queryset: QuerySet, act: Any, done: str) -> None:
        """Do an audited act on each row, for the reason given, and say what became of it."""
        reason = request.POST.get("reason", "").strip()
        for row in queryset if reason else ():
            try:
                act(row, reason)
            except DomainError as error:
                self.message_user(request, f"{row}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{row} {done}.", messages.SUCCESS)
        if not reason:
            self.message_user(request, "Give a reason.", messages.ERROR)


class RuleAdmin(ReasonedAdmin):
    """Effective-dated rules. A row that a person saves is theirs: loading what is known from the start leaves it."""

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """The source is the person who saves."""
        return [field.name for field in self.model._meta.concrete_fields if field.name == "source"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save with the person as the source, and an audit entry."""
        exchanges.rule_save(actor=request.user, row=obj, is_new=not change, reason=form.cleaned_data["reason"])


@admin.register(Exchange)
class ExchangeAdmin(RuleAdmin):
    """Exchanges; a new one needs phases and a list of its days before it opens."""

    fixed = ("code",)
    list_display = ("code", "name", "country", "zone", "currency", "follows", "is_always_open", "is_simulated")
    search_fields = ("code", "name")


@admin.register(SessionPhase)
class SessionPhaseAdmin(RuleAdmin):
    """Parts of the day."""

    list_display = ("exchange", "kind", "segment", "starts", "ends", "valid_from", "valid_to", "note", "source")
    list_filter = ("exchange", "kind", "segment")


@admin.register(TickSizeRule)
class TickSizeRuleAdmin(RuleAdmin):
    """Price grids."""

    list_display = ("exchange", "price_from", "tick_size", "valid_from", "valid_to", "source")
    list_filter = ("exchange",)


@admin.register(PriceBandRule)
class PriceBandRuleAdmin(RuleAdmin):
    """Price bands."""

    list_display = ("exchange", "instrument", "segment", "kind", "price_from", "percent", "valid_from", "valid_to")
    list_filter = ("exchange", "kind", "segment")
    list_select_related = ("instrument",)
    raw_id_fields = ("instrument",)


@admin.register(MarketPolicy)
class MarketPolicyAdmin(RuleAdmin):
    """What prices may be used for."""

    list_display = ("exchange", "allows_money", "lag_minutes", "live_by", "valid_from", "policy")
    list_filter = ("exchange",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The row has a reason of its own, shown to the operator who is refused: it is the audit's too."""
        return super().get_form(request, obj, change, **{"form": forms.ModelForm, **kwargs})

    @admin.display(description="Reason")
    def policy(self, obj: MarketPolicy) -> str:
        """The beginning of the reason."""
        return obj.reason[:80]


@admin.register(ExchangeSession)
class ExchangeSessionAdmin(ReasonedAdmin):
    """Sessions, set and removed day by day."""

    list_display = ("exchange", "date", "kind", "opens_at", "closes_at", "note", "source")
    list_filter = ("exchange", "kind")
    date_hierarchy = "date"
    ordering = ("-date", "exchange")
    exclude = ("source",)
    fixed = ("exchange", "date")
    action_form = ReasonActionForm
    actions = ("remove",)

    def save_model(self, request: HttpRequest, obj: ExchangeSession, form: Any, change: bool) -> None:  # noqa: ARG002
        """Through the service."""
        obj.pk = sessions.session_set(
            actor=request.user,
            exchange=obj.exchange_id,
            day=obj.date,
            opens_at=obj.opens_at,
            closes_at=obj.closes_at,
            kind=obj.kind,
            note=obj.note,
            reason=form.cleaned_data["reason"],
        )

    @admin.action(description="Remove: the exchange is closed on this day", permissions=["change"])
    def remove(self, request: HttpRequest, queryset: QuerySet[ExchangeSession]) -> None:
        """Close the days."""
        self.each(
            request,
            queryset,
            lambda row, reason: sessions.session_remove(
                actor=request.user, exchange=row.exchange_id, day=row.date, reason=reason
            ),
            "is removed",
        )


@admin.register(ExchangeHoliday)
class ExchangeHolidayAdmin(ReasonedAdmin):
    """Holidays; a session that is set on the day takes one away."""

    list_display = ("exchange", "date", "name", "source")
    list_filter = ("exchange",)
    date_hierarchy = "date"
    ordering = ("-date", "exchange")
    exclude = ("source",)
    fixed = ("exchange", "date")

    def save_model(self, request: HttpRequest, obj: ExchangeHoliday, form: Any, change: bool) -> None:  # noqa: ARG002
        """Through the service."""
        obj.pk = sessions.holiday_set(
            actor=request.user,
            exchange=obj.exchange_id,
            day=obj.date,
            name=obj.name,
            reason=form.cleaned_data["reason"],
        )


@admin.register(ExchangeHalt)
class ExchangeHaltAdmin(ReadOnlyAdmin, ReasonedAdmin):
    """Halts: begun by adding one, lifted by an action, never changed."""

    form = forms.ModelForm
    list_display = ("exchange", "instrument", "kind", "starts_at", "ends_at", "reason", "source")
    list_filter = ("exchange", "kind", ("ends_at", admin.EmptyFieldListFilter))
    list_select_related = ("instrument",)
    raw_id_fields = ("instrument",)
    exclude = ("source",)
    action_form = ReasonActionForm
    actions = ("lift",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may add rows may halt."""
        return bool(admin.ModelAdmin.has_add_permission(self, request))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may change rows may lift halts."""
        return bool(request.user.is_superuser or request.user.has_perm("marketdata.change_exchangehalt"))

    def save_model(self, request: HttpRequest, obj: ExchangeHalt, form: Any, change: bool) -> None:  # noqa: ARG002
        """Through the service."""
        obj.pk = sessions.halt_begin(
            actor=request.user,
            exchange=obj.exchange_id,
            reason=obj.reason,
            kind=obj.kind,
            instrument_id=obj.instrument_id,
            starts_at=obj.starts_at,
            ends_at=obj.ends_at,
        )

    @admin.action(description="Lift the halt", permissions=["operate"])
    def lift(self, request: HttpRequest, queryset: QuerySet[ExchangeHalt]) -> None:
        """End the halts now."""
        self.each(
            request,
            queryset,
            lambda row, reason: sessions.halt_end(actor=request.user, halt_id=row.pk, reason=reason),
            "is lifted",
        )


@admin.register(CalendarRange)
class CalendarRangeAdmin(ReadOnlyAdmin):
    """How far calendars are known; `manage.py load_sessions` makes them longer."""

    list_display = ("exchange", "first", "last", "source", "loaded_at")
