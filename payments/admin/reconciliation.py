"""Reconciliation: runs, and differences to decide about."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.money import Money
from core.readonly_admin import ReadOnlyAdmin
from payments.models import BalanceMovement, Difference, ReconciliationRun
from payments.services import reconciliation


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyAdmin):
    list_display = ("id", "provider", "status", "since", "until", "movements", "fees_booked", "finished_at")
    list_filter = ("provider", "status")
    ordering = ("-id",)


@admin.register(BalanceMovement)
class BalanceMovementAdmin(ReadOnlyAdmin):
    list_display = ("ref", "provider", "kind", "source_ref", "amount_minor", "fee_minor", "currency", "at")
    list_filter = ("provider", "kind", "currency")
    search_fields = ("=ref", "=source_ref")
    ordering = ("-at", "-id")


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin):
    list_display = ("id", "provider", "kind", "source_ref", "there", "here", "status", "created_at", "settled_by")
    list_filter = ("status", "provider", "kind")
    list_select_related = ("settled_by",)
    search_fields = ("=source_ref",)
    ordering = ("-id",)
    action_form = ReasonForm
    actions = ("book", "dismiss")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser or request.user.has_perm("payments.change_difference"))

    @admin.display(description="at the provider")
    def there(self, row: Difference) -> str:
        return str(Money(row.provider_minor, row.currency))

    @admin.display(description="in the books")
    def here(self, row: Difference) -> str:
        return str(Money(row.books_minor, row.currency))

    @admin.action(description="Book the proposal (reason)", permissions=["settle"])
    def book(self, request: HttpRequest, queryset: QuerySet[Difference]) -> None:
        self._each(request, queryset, reconciliation.difference_book, "booked")

    @admin.action(description="Dismiss (reason)", permissions=["settle"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Difference]) -> None:
        self._each(request, queryset, reconciliation.difference_dismiss, "dismissed")

    def _each(self, request: HttpRequest, queryset: QuerySet[Difference], act: Callable[..., None], word: str) -> None:
        for pk in queryset.values_list("pk", flat=True)[:50]:
            try:
                act(actor=request.user, difference_id=pk, reason=reason_of(request))
            except DomainError as error:
                self.message_user(request, f"Difference {pk}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"Difference {pk} is {word}.", messages.SUCCESS)
