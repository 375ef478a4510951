"""Operator pages of coupons and taxes."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date

from core.admin import ReadOnlyInline, ReasonForm
from core.errors import Invalid
from core.money import Money
from payments.admin.common import MakingAdmin, amount
from payments.models import Coupon, CouponUse, TaxRate
from payments.services import price_rules


class CouponForm(forms.Form):
    """A new coupon."""

    code = forms.CharField(max_length=32)
    percent = forms.DecimalField(
        required=False, min_value=Decimal("0.01"), max_value=100, decimal_places=2, label="Percent off"
    )
    amount = forms.DecimalField(required=False, min_value=0, decimal_places=3, label="Or an amount off")
    currency = forms.RegexField("^[A-Za-z]{3}$", required=False, help_text="Of the amount")
    kinds = forms.CharField(required=False, max_length=200, help_text="Good for these kinds, by commas; empty: all")
    references = forms.CharField(required=False, max_length=500, help_text="Good for these, by commas; empty: all")
    max_uses = forms.IntegerField(required=False, min_value=1, max_value=10**6, label="Uses in all")
    max_uses_each = forms.IntegerField(initial=1, min_value=1, max_value=1000, label="Uses by one person")
    ends_at = forms.DateTimeField(
        required=False, label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    reason = forms.CharField(max_length=300)


class UseInline(ReadOnlyInline):
    model = CouponUse
    fields = ("user", "payment", "status", "created_at")


@admin.register(Coupon)
class CouponAdmin(MakingAdmin):
    list_display = ("code", "takes_off", "is_active", "used", "max_uses", "ends_at", "created_at")
    list_filter = ("is_active",)
    search_fields = ("code",)
    ordering = ("-id",)
    inlines = (UseInline,)
    action_form = ReasonForm
    actions = ("switch_off", "switch_on")
    making: ClassVar[tuple[str, type[forms.Form]]] = ("Make a coupon", CouponForm)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Coupon]:
        counted = Count("uses", filter=Q(uses__status__in=["held", "used"]))
        found: QuerySet[Coupon] = super().get_queryset(request).annotate(uses_counted=counted)
        return found

    @admin.display(description="Takes off")
    def takes_off(self, coupon: Coupon) -> str:
        return (
            amount(coupon.amount_minor, coupon.currency)
            if coupon.amount_minor
            else f"{Decimal(coupon.percent_bp) / 100:f} %"
        )

    @admin.display(description="Used", ordering="uses_counted")
    def used(self, coupon: Any) -> int:
        return int(coupon.uses_counted)

    def make(self, request: HttpRequest, fields: dict[str, Any]) -> Coupon:
        currency = fields["currency"].upper()
        if fields["amount"] and not currency:
            raise Invalid("coupon_invalid", "Say in which currency the amount is.")
        return price_rules.coupon_create(
            actor=request.user,  # type: ignore[arg-type]
            code=fields["code"],
            percent_bp=int((fields["percent"] or 0) * 100),
            amount_minor=Money.of(fields["amount"], currency).minor if fields["amount"] else 0,
            currency=currency if fields["amount"] else "",
            kinds=_split(fields["kinds"]),
            references=_split(fields["references"]),
            max_uses=fields["max_uses"],
            max_uses_each=fields["max_uses_each"],
            ends_at=fields["ends_at"],
            reason=fields["reason"],
        )

    @admin.action(description="Switch off (give a reason)", permissions=["operate"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Coupon]) -> None:
        self._switch(request, queryset, is_active=False)

    @admin.action(description="Switch on (give a reason)", permissions=["operate"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Coupon]) -> None:
        self._switch(request, queryset, is_active=True)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Coupon], *, is_active: bool) -> None:
        self.each(
            request,
            queryset,
            lambda pk, reason: price_rules.coupon_switch(
                actor=request.user,  # type: ignore[arg-type]
                coupon_id=pk,
                is_active=is_active,
                reason=reason,
            ),
            "may be used." if is_active else "may no longer be used.",
        )


class TaxForm(forms.Form):
    """A country's rate from a day on."""

    country = forms.RegexField("^[A-Za-z]{2}$", label="Country (two letters)")
    name = forms.CharField(max_length=24, help_text="As on the invoice: VAT, GST")
    percent = forms.DecimalField(min_value=0, max_value=100, decimal_places=2)
    starts_on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(max_length=300)


class EndForm(ReasonForm):
    """Asks for a reason and the first day without the tax."""

    ends_on = forms.DateField(required=False, label="Ends on", widget=forms.DateInput(attrs={"type": "date"}))


@admin.register(TaxRate)
class TaxRateAdmin(MakingAdmin):
    list_display = ("country", "name", "percent", "starts_on", "ends_on")
    list_filter = ("country",)
    ordering = ("country", "-starts_on")
    action_form = EndForm
    actions = ("end",)
    making: ClassVar[tuple[str, type[forms.Form]]] = ("Set a tax", TaxForm)

    @admin.display(ordering="rate_bp")
    def percent(self, rate: TaxRate) -> str:
        return f"{Decimal(rate.rate_bp) / 100:f}"

    def make(self, request: HttpRequest, fields: dict[str, Any]) -> TaxRate:
        return price_rules.tax_rate_create(
            actor=request.user,  # type: ignore[arg-type]
            country=fields["country"],
            name=fields["name"],
            rate_bp=int(fields["percent"] * 100),
            starts_on=fields["starts_on"],
            reason=fields["reason"],
        )

    @admin.action(description="End on a day (give a reason)", permissions=["operate"])
    def end(self, request: HttpRequest, queryset: QuerySet[TaxRate]) -> None:
        def act(pk: int, reason: str) -> None:
            try:
                day = parse_date(request.POST.get("ends_on", "").strip())
            except ValueError:
                day = None
            if day is None:
                raise Invalid("date_required", "On which day does it end?")
            price_rules.tax_rate_end(actor=request.user, rate_id=pk, ends_on=day, reason=reason)  # type: ignore[arg-type]

        self.each(request, queryset, act, "ends then.")


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
