"""What people were told, and how it went out."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import Notification, NotificationDelivery
from accounts.services.deliveries import delivery_retry
from core.admin import ReasonForm, reason_of
from core.errors import DomainError
from core.readonly_admin import ReadOnlyAdmin
from core.throttling import address

MAX_RETRIED = 100


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "kind", "title", "in_app", "created_at", "read_at")
    list_filter = ("kind", "in_app")
    list_select_related = ("user",)
    search_fields = ("=user__id", "=dedupe")
    ordering = ("-id",)


@admin.register(NotificationDelivery)
class NotificationDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "user", "channel", "status", "is_digest", "attempts", "next_at", "sent_at", "error")
    list_filter = ("status", "channel", "is_digest", "notification__kind")
    list_select_related = ("notification__user",)
    search_fields = ("=notification__user__id", "=message_id")
    ordering = ("-id",)
    action_form = ReasonForm
    actions = ("retry",)

    @admin.display(description="Kind", ordering="notification__kind")
    def kind(self, row: NotificationDelivery) -> str:
        return row.notification.kind

    @admin.display(description="User")
    def user(self, row: NotificationDelivery) -> Any:
        return row.notification.user

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser or request.user.has_perm("accounts.change_notificationdelivery")

    @admin.action(description="Send again what failed or may have been sent (say why)", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[NotificationDelivery]) -> None:
        done = 0
        for delivery_id in queryset.order_by("pk").values_list("pk", flat=True)[:MAX_RETRIED]:
            try:
                delivery_retry(
                    actor=request.user, delivery_id=delivery_id, reason=reason_of(request), ip=address(request)
                )
                done += 1
            except DomainError as error:
                self.message_user(request, f"Delivery {delivery_id}: {error.message}", messages.ERROR)
        if done:
            self.message_user(request, f"{done} will be sent again.", messages.SUCCESS)
