"""Background tasks of trading."""

from celery import shared_task

from trading.services import telling
from trading.services.suspended import suspended_orders_cancel as cancel


@shared_task
def suspended_orders_cancel(user_id: int | None = None) -> None:
    """Cancel the live orders of suspended people, or of one of them."""
    cancel(user_id=user_id)


@shared_task
def fills_tell() -> None:
    """Tell people of their fills."""
    telling.fills_tell()


@shared_task
def endings_tell() -> None:
    """Tell people of orders that ended without their doing."""
    telling.endings_tell()
