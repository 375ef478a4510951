"""Background work of contests."""

from celery import shared_task

from contests.services import telling
from contests.services.lifecycle import lifecycle_run


@shared_task(name="contests.tasks.lifecycle", soft_time_limit=50, time_limit=60)
def lifecycle() -> None:
    """Start what is due and end what is over."""
    lifecycle_run()


@shared_task(name="contests.tasks.ranks_tell")
def ranks_tell() -> None:
    """Tell people whose rank has moved."""
    telling.ranks_tell()
