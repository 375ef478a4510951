"""Background tasks of trading."""

from celery import shared_task

from trading.services.suspended import suspended_orders_cancel as cancel


@shared_task
def suspended_orders_cancel(user_id: int | None = None) -> None:
    """Cancel the live orders of suspended people, or of one of them."""
    cancel(user_id=user_id)
