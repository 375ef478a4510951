"""Operator pages of the ground floor. The books are read-only; a dead event can be tried again, with a reason."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.common import ReadOnlyInline, ReasonForm, reason_of
from core.errors import DomainError
from core.models import IdempotencyRecord, Journal, LedgerAccount, OutboxEvent, OutboxReceipt, Posting, Seal
from core.readonly_admin import ReadOnlyAdmin
from core.services import outbox


class PostingInline(ReadOnlyInline):
    model = Posting
    fields = ("account", "amount_minor", "currency")


class ReceiptInline(ReadOnlyInline):
    model = OutboxReceipt
    fields = ("handler", "created_at")


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    list_display = ("code", "book", "kind", "currency", "created_at")
    list_filter = ("book", "kind", "currency")
    search_fields = ("code",)


@admin.register(Journal)
class JournalAdmin(ReadOnlyAdmin):
    list_display = ("id", "book", "kind", "reference", "memo", "market_at", "created_at")
    list_filter = ("book", "kind")
    search_fields = ("=reference",)
    ordering = ("-id",)
    inlines = (PostingInline,)


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    list_display = ("id", "journal", "account", "amount_minor", "currency")
    list_select_related = ("journal", "account")
    search_fields = ("=account__code", "=journal__reference")
    ordering = ("-id",)


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    list_display = ("id", "journals", "hash", "created_at")
    ordering = ("-id",)


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "topic", "aggregate", "status", "attempts", "next_at", "created_at", "done_at")
    list_filter = ("status", "topic")
    search_fields = ("=aggregate",)
    ordering = ("-id",)
    inlines = (ReceiptInline,)
    action_form = ReasonForm
    actions = ("retry",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    @admin.action(description="Try dead events again", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> None:
        for event_id in queryset.values_list("pk", flat=True):
            try:
                outbox.retry(actor=request.user, event_id=event_id, reason=reason_of(request))
            except DomainError as error:
                self.message_user(request, f"Event {event_id}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"Event {event_id} will be tried again.", messages.SUCCESS)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    list_display = ("id", "scope", "key", "status", "created_at")
    search_fields = ("=key", "=scope")
    ordering = ("-id",)
