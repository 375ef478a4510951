"""Background tasks of the marketdata app. Each calls one service."""

from celery import shared_task

from marketdata.services import sessions


@shared_task
def calendar_alerts() -> None:
    """Tell of exchanges whose calendar ends soon, or has ended."""
    sessions.calendar_alerts_check()
