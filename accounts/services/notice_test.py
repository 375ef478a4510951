"""A notification that people send themselves, to see that it arrives."""

from uuid import uuid4

from django.db import transaction

from accounts.services.notices import notify_in_tx
from core.errors import DomainError
from core.throttling import hit

AN_HOUR = 5


def test_send(*, user_id: int) -> None:
    """Tell somebody that it works, by every way. Raises `rate_limited` after five in an hour."""
    wait = hit(f"notice-test:{user_id}", AN_HOUR, 3_600)
    if wait is not None:
        message = f"Those were enough tests for now. Try again in {int(wait // 60) + 1} minutes."
        raise DomainError("rate_limited", message, {"retry_after": int(wait)}, status=429)
    with transaction.atomic(durable=True):
        notify_in_tx(user_id=user_id, kind="test", dedupe=f"test:{uuid4().hex}", url="/notifications")
