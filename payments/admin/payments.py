"""Operator pages of payments, refunds and disputes."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.forms import CharField, HiddenInput
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from core.admin import ReadOnlyInline, ReasonForm
from core.errors import Invalid
from core.money import Money
from payments.adapters import registry
from payments.admin.common import MAX_AT_ONCE, MoneyAdmin, amount
from payments.models import Dispute, Invoice, Payment, PaymentStep, Refund
from payments.services.asking import payment_ask
from payments.services.refunding import refund_request, refund_send


class RefundForm(ReasonForm):
    """Asks why, and how much; `key` makes a form that is sent twice one refund."""

    amount = CharField(required=False, max_length=20, label="Amount")
    key = CharField(required=False, widget=HiddenInput, initial=lambda: uuid4().hex)


class StepInline(ReadOnlyInline):
    model = PaymentStep
    fields = ("created_at", "status", "note")
    ordering = ("pk",)


class RefundInline(ReadOnlyInline):
    model = Refund
    fk_name = "payment"
    fields = ("created_at", "status", "amount_minor", "currency", "reason", "ref", "failure")
    show_change_link = True


class DisputeInline(ReadOnlyInline):
    model = Dispute
    fields = ("created_at", "status", "amount_minor", "currency", "reason", "due_at", "ref")
    show_change_link = True


class InvoiceInline(ReadOnlyInline):
    model = Invoice
    fields = ("number", "kind", "total_minor", "tax_minor", "currency", "issued_at")


class ProblemFilter(admin.SimpleListFilter):
    """Money that came in and for which nothing was handed over."""

    title = "problem"
    parameter_name = "with_problem"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Paid and not handed over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        if self.value() != "1":
            return queryset
        return queryset.exclude(problem="").filter(refunded_minor__lt=F("captured_minor"))


@admin.register(Payment)
class PaymentAdmin(MoneyAdmin):
    list_display = ("id", "user", "title", "status", "total", "captured", "refunded", "provider", "created_at")
    list_filter = ("status", "provider", "currency", "kind", ProblemFilter)
    list_select_related = ("user",)
    search_fields = ("=user__id", "=user__email", "=charge_ref", "=checkout_ref", "=invoice_ref")
    search_help_text = "A payment's public id, a person's id or email, or a reference at the provider."
    ordering = ("-id",)
    fields = (
        *("public_id", "user", "title", "kind", "reference", "params", "interval", "status", "problem"),
        *("currency", "subtotal_minor", "discount_minor", "tax_minor", "total_minor", "tax_name", "tax_bp"),
        *("tax_country", "captured_minor", "refunded_minor", "lost_minor", "allocated_minor", "deferred_minor"),
        *("recognised_minor", "shares", "provider", "checkout_ref", "charge_ref", "invoice_ref", "subscription"),
        *("at_provider", "failure", "granted_at", "revoked_at", "succeeded_at", "expires_at", "checked_at"),
        "created_at",
    )
    readonly_fields = ("at_provider",)
    inlines = (StepInline, RefundInline, DisputeInline, InvoiceInline)
    action_form = RefundForm
    actions = ("refund_whole", "refund_amount", "ask_again")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        try:
            found = queryset.filter(public_id=UUID(search_term.strip()))
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        return found, False

    @admin.display(ordering="total_minor")
    def total(self, payment: Payment) -> str:
        return amount(payment.total_minor, payment.currency)

    @admin.display(ordering="captured_minor")
    def captured(self, payment: Payment) -> str:
        return amount(payment.captured_minor, payment.currency)

    @admin.display(ordering="refunded_minor")
    def refunded(self, payment: Payment) -> str:
        return amount(payment.refunded_minor, payment.currency)

    @admin.display(description="At the provider")
    def at_provider(self, payment: Payment) -> str:
        if payment.provider != registry.SANDBOX or not payment.charge_ref or not settings.SANDBOX_PAYMENTS:
            return payment.charge_ref or "-"
        address = reverse("sandbox-charge", args=[payment.charge_ref])
        return format_html('<a href="{}">The charge at the sandbox: disputes, refunds made there</a>', address)

    @admin.action(description="Refund all that is left (reason is told)", permissions=["operate"])
    def refund_whole(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        self._refund(request, queryset, whole=True)

    @admin.action(description="Refund an amount of one payment (reason is told)", permissions=["operate"])
    def refund_amount(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        if queryset.count() != 1:
            self.message_user(request, "Choose one payment to refund an amount of.", messages.ERROR)
            return
        self._refund(request, queryset, whole=False)

    @admin.action(description="Ask the provider again", permissions=["operate"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        self.each(request, queryset, lambda pk, _: payment_ask(payment_id=pk), "is as the provider says.")

    def _refund(self, request: HttpRequest, queryset: QuerySet[Payment], *, whole: bool) -> None:
        key = request.POST.get("key", "") or uuid4().hex
        currencies = dict(queryset.values_list("pk", "currency")[:MAX_AT_ONCE])

        def act(pk: int, reason: str) -> None:
            minor = None if whole else self._amount(request, currencies[pk])
            refund_request(
                actor=request.user,  # type: ignore[arg-type]
                payment_id=pk,
                amount_minor=minor,
                reason=reason,
                idempotency_key=f"admin-{key[:64]}",
            )

        self.each(request, queryset, act, "the refund is on its way.")

    @staticmethod
    def _amount(request: HttpRequest, currency: str) -> int:
        text = request.POST.get("amount", "").strip()
        money = Money.of(text, currency)
        if money.amount != Decimal(text):
            raise Invalid("amount_invalid", f"That is no amount of {currency}: it has too many decimals.")
        return money.minor


@admin.register(Refund)
class RefundAdmin(MoneyAdmin):
    list_display = ("id", "payment", "status", "given_back", "reason", "requested_by", "created_at", "settled_at")
    list_filter = ("status", "currency")
    list_select_related = ("payment", "requested_by")
    search_fields = ("=payment__user__id", "=ref", "=payment__charge_ref")
    ordering = ("-id",)
    actions = ("send_again",)

    @admin.display(description="Amount", ordering="amount_minor")
    def given_back(self, refund: Refund) -> str:
        return amount(refund.amount_minor, refund.currency)

    @admin.action(description="Send what is still to be sent", permissions=["operate"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        waiting = queryset.filter(status=Refund.Status.REQUESTED)
        self.each(request, waiting, lambda pk, _: refund_send(pk), "was sent; its state says how it went.")


@admin.register(Dispute)
class DisputeAdmin(MoneyAdmin):
    list_display = ("id", "payment", "status", "contested", "reason", "due_at", "created_at", "closed_at")
    list_filter = ("status", "currency")
    list_select_related = ("payment",)
    search_fields = ("=payment__user__id", "=ref", "=payment__charge_ref")
    ordering = (F("closed_at").asc(nulls_first=True), "due_at", "-id")

    @admin.display(description="Amount", ordering="amount_minor")
    def contested(self, dispute: Dispute) -> str:
        return amount(dispute.amount_minor, dispute.currency)


@admin.register(Invoice)
class InvoiceAdmin(MoneyAdmin):
    list_display = ("number", "kind", "user", "sum", "issued_at")
    list_filter = ("kind", "currency")
    list_select_related = ("user",)
    search_fields = ("=number", "=user__id")
    ordering = ("-id",)

    @admin.display(description="Total", ordering="total_minor")
    def sum(self, invoice: Invoice) -> str:
        return amount(invoice.total_minor, invoice.currency)
