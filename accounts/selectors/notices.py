"""Reads of notifications."""

from accounts.models import Notification


def unread_count(user_id: int) -> int:
    """How many notifications of the bell a user has not read; counted up to 100."""
    unread = Notification.objects.filter(user_id=user_id, in_app=True, read_at__isnull=True)
    return unread[:100].count()
