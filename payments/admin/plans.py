"""Operator pages of plans: what is offered, who subscribes, who has what."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from core.admin import ReadOnlyInline, ReasonForm
from core.errors import Invalid, NotFound
from payments.admin.common import MakingAdmin, MoneyAdmin, amount
from payments.models import PlanGrant, PlanPrice, PlanVersion, Subscription
from payments.services.plans import plan_give, plan_take_back


class PriceInline(ReadOnlyInline):
    model = PlanPrice
    fields = ("code", "interval", "amount_minor", "currency", "is_offered")


@admin.register(PlanVersion)
class PlanVersionAdmin(MoneyAdmin):
    list_display = ("name", "version", "code", "rank", "is_offered", "published_at")
    list_filter = ("is_offered", "code")
    ordering = ("rank", "-version")
    inlines = (PriceInline,)


@admin.register(PlanPrice)
class PlanPriceAdmin(MoneyAdmin):
    list_display = ("code", "plan", "interval", "costs", "is_offered", "created_at")
    list_filter = ("is_offered", "interval", "currency")
    list_select_related = ("plan",)
    search_fields = ("code",)
    ordering = ("plan__rank", "code")

    @admin.display(description="Price before tax", ordering="amount_minor")
    def costs(self, price: PlanPrice) -> str:
        return amount(price.amount_minor, price.currency)


@admin.register(Subscription)
class SubscriptionAdmin(MoneyAdmin):
    list_display = ("id", "user", "status", "price", "period_end", "cancel_at_period_end", "grace_until", "provider")
    list_filter = ("status", "provider", "cancel_at_period_end")
    list_select_related = ("user", "price")
    search_fields = ("=user__id", "=ref")
    ordering = ("-id",)


class GrantForm(forms.Form):
    """A plan for somebody, without a payment."""

    user_id = forms.IntegerField(min_value=1, max_value=2**63 - 1, label="Person (number)")
    plan = forms.ModelChoiceField(PlanVersion.objects.filter(is_offered=True).order_by("rank"))
    until = forms.DateTimeField(label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    reason = forms.CharField(max_length=200)


@admin.register(PlanGrant)
class PlanGrantAdmin(MakingAdmin):
    list_display = ("id", "user", "plan", "starts_at", "ends_at", "payment", "given_by", "revoked_at")
    list_filter = ("plan__code",)
    list_select_related = ("user", "plan", "payment", "given_by")
    search_fields = ("=user__id",)
    ordering = ("-id",)
    action_form = ReasonForm
    actions = ("take_back",)
    making: ClassVar[tuple[str, type[forms.Form]]] = ("Give a plan", GrantForm)

    def make(self, request: HttpRequest, fields: dict[str, Any]) -> PlanGrant:
        until: datetime = fields["until"]
        if not User.objects.filter(pk=fields["user_id"]).exists():
            raise NotFound("user_not_found", "There is no such person.")
        return plan_give(
            actor=request.user,  # type: ignore[arg-type]
            user_id=fields["user_id"],
            plan_id=fields["plan"].pk,
            until=until,
            reason=fields["reason"],
        )

    @admin.action(description="Take back a plan that was given (give a reason)", permissions=["operate"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[PlanGrant]) -> None:
        def act(pk: int, reason: str) -> None:
            if not reason:
                raise Invalid("reason_required", "Say why.")
            plan_take_back(actor=request.user, grant_id=pk, reason=reason)  # type: ignore[arg-type]

        self.each(request, queryset, act, "was taken back.")
