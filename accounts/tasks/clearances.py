"""Clearances follow the list of blocked regions."""

from celery import shared_task

from accounts.services.clearance import clearances_review


@shared_task
def review() -> None:
    """Follow BLOCKED_REGIONS."""
    clearances_review()
