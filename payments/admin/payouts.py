"""The queue of payouts: a first look, a second person's approval, batches; and who is not paid."""

from collections.abc import Callable
from functools import partial

from django.contrib import admin, messages
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince

from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.money import Money
from core.readonly_admin import ReadOnlyAdmin
from payments.models import BlockedParty, Payee, Payout, PayoutBatch, PayoutStep
from payments.services import payouts

MAX_AT_ONCE = 100
_WAITS = ("requested", "reviewed", "approved")


class PayoutStepInline(admin.TabularInline):
    model = PayoutStep
    extra = 0
    can_delete = False
    fields = readonly_fields = ("created_at", "status", "actor", "note")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "user",
        "amount",
        "status",
        "waiting",
        "flags",
        "payee",
        "reviewed_by",
        "approved_by",
        "batch",
    )
    list_filter = ("status", "provider", "currency", "batch")
    list_select_related = ("user", "payee", "reviewed_by", "approved_by", "batch")
    search_fields = ("=id", "=user__id", "=public_id", "=ref")
    # What waits for a person comes first, the oldest of it at the top.
    ordering = (Case(When(status__in=_WAITS, then=0), default=1), "created_at", "id")
    inlines = (PayoutStepInline,)
    action_form = ReasonForm
    actions = ("review", "approve", "reject", "batch_together")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser or request.user.has_perm("payments.change_payout"))

    @admin.display(description="amount")
    def amount(self, row: Payout) -> str:
        return str(Money(row.amount_minor, row.currency))

    @admin.display(description="waiting for")
    def waiting(self, row: Payout) -> str:
        return timesince(row.created_at, timezone.now()) if row.status in _WAITS else "-"

    @admin.action(description="First look: in order (note)", permissions=["decide"])
    def review(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        self._each(request, queryset, partial(payouts.payout_review, note=reason_of(request)), "reviewed")

    @admin.action(description="Second person: approve (note; needed when flagged)", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        self._each(request, queryset, partial(payouts.payout_approve, note=reason_of(request)), "approved")

    @admin.action(description="Do not pay (reason is told)", permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        self._each(request, queryset, partial(payouts.payout_reject, reason=reason_of(request)), "rejected")

    @admin.action(description="Put approved ones in a batch (its name)", permissions=["decide"])
    def batch_together(self, request: HttpRequest, queryset: QuerySet[Payout]) -> None:
        ids = list(queryset.values_list("pk", flat=True)[: payouts.MOST_IN_BATCH])
        try:
            batch = payouts.batch_make(actor=request.user, name=reason_of(request), payout_ids=ids)  # type: ignore[arg-type]
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, f"Batch {batch.pk} holds {len(ids)} payouts.", messages.SUCCESS)

    def _each(self, request: HttpRequest, queryset: QuerySet[Payout], act: Callable[..., None], word: str) -> None:
        for pk in queryset.values_list("pk", flat=True)[:MAX_AT_ONCE]:
            try:
                act(actor=request.user, payout_id=pk)
            except DomainError as error:
                self.message_user(request, f"Payout {pk}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"Payout {pk} is {word}.", messages.SUCCESS)


@admin.register(PayoutBatch)
class PayoutBatchAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "created_by", "created_at", "released_at")
    list_select_related = ("created_by",)
    ordering = ("-id",)
    actions = ("release",)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser or request.user.has_perm("payments.change_payoutbatch"))

    @admin.action(description="Let its payouts go", permissions=["decide"])
    def release(self, request: HttpRequest, queryset: QuerySet[PayoutBatch]) -> None:
        for batch in queryset[:MAX_AT_ONCE]:
            try:
                payouts.batch_release(actor=request.user, batch_id=batch.pk)  # type: ignore[arg-type]
            except DomainError as error:
                self.message_user(request, f"Batch {batch.pk}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"Batch {batch.pk} is released.", messages.SUCCESS)


@admin.register(Payee)
class PayeeAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "provider", "label", "country", "currency", "is_ready", "is_active", "version")
    list_filter = ("provider", "is_ready", "is_active", "country")
    list_select_related = ("user",)
    search_fields = ("=user__id", "=ref")
    exclude = ("details",)


@admin.register(BlockedParty)
class BlockedPartyAdmin(ReadOnlyAdmin):
    list_display = ("name", "country", "source", "is_active", "created_at")
    list_filter = ("source", "is_active", "country")
    search_fields = ("name", "key")
