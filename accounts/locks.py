"""Row locks of the accounts app."""

from datetime import datetime

from accounts.models import NotificationDelivery, User
from core.errors import NotFound


def user_lock(user_id: int) -> User:
    """Lock one user's row until the transaction ends. Raises NotFound."""
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise NotFound("user_not_found", "There is no such user.")
    return user


def user_try_lock(user_id: int) -> User | None:
    """The same, without waiting: None when there is no such user or somebody else has the lock."""
    return User.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=user_id).first()


def delivery_claim_lock(*, channel: str, now: datetime) -> NotificationDelivery | None:
    """Lock the delivery of a channel that is due and has waited longest, passing over those that others have."""
    due = NotificationDelivery.objects.filter(status__in=["pending", "held"], is_digest=False, next_at__lte=now)
    mine = due.filter(channel=channel).select_related("notification").order_by("next_at", "pk")
    return mine.select_for_update(no_key=True, skip_locked=True, of=("self",)).first()
