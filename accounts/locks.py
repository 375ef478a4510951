"""Row locks of the accounts app."""

from datetime import datetime

from accounts.models import IdentityCheck, NotificationDelivery, User
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


def identity_lock(check_id: int) -> IdentityCheck:
    """Lock an identity check until the transaction ends; after its user's row, where both are. Raises NotFound."""
    check = IdentityCheck.objects.select_for_update(no_key=True, of=("self",)).filter(pk=check_id).first()
    if check is None:
        raise NotFound("identity_not_found", "There is no such identity check.")
    return check
