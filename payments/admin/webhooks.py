"""The inbox of webhooks: what came, what became of it, and once more."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import ReasonForm, reason_of
from core.readonly_admin import ReadOnlyAdmin
from payments.models import WebhookDelivery
from payments.services.webhooks import webhooks_replay


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "provider", "event_type", "object_ref", "status", "attempts", "received_at", "reason")
    list_filter = ("status", "provider", "event_type", "received_at")
    search_fields = ("=event_id", "=object_ref")
    ordering = ("-id",)
    fields = (
        "provider", "status", "event_id", "event_type", "object_kind", "object_ref", "account", "event_at",
        "received_at", "processed_at", "attempts", "next_at", "replays", "reason", "raw",
    )  # fmt: skip
    readonly_fields = ("raw",)
    action_form = ReasonForm
    actions = ("replay",)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser or request.user.has_perm("payments.change_webhookdelivery"))

    @admin.display(description="as it came")
    def raw(self, row: WebhookDelivery) -> str:
        # Rendered as text: the administration escapes it.
        return bytes(row.body)[:20_000].decode("utf-8", "replace") or "emptied"

    @admin.action(description="Process again (reason)", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        count = webhooks_replay(actor=request.user, rows=queryset, reason=reason_of(request))  # type: ignore[arg-type]
        self.message_user(request, f"{count} will be processed again.", messages.SUCCESS)
