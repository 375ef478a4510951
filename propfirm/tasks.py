"""Background work of the firm."""

from celery import shared_task

from propfirm.services.lifecycle import phases_close_due


@shared_task(name="propfirm.tasks.close")
def close() -> None:
    """Close the trading accounts of phases that are over."""
    phases_close_due()
