"""How long notifications are kept."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts.services.deliveries import notifications_forget
from accounts.services.retention import Rule, rule_register


def _old_notifications() -> int:
    return notifications_forget(before=timezone.now() - timedelta(days=settings.RETENTION_DAYS["notifications"]))


_RULE = Rule("notifications", "What people were told, and how", "RETAIN_NOTIFICATIONS_DAYS", _old_notifications)


def register() -> None:
    """Add the rule; called once from AppConfig.ready()."""
    rule_register(_RULE)
