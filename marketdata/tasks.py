"""Background tasks of the marketdata app. Each calls one service."""

from datetime import UTC, datetime, timedelta

from celery import shared_task

from marketdata.services import live_ticks, sessions

TICKS_KEPT = timedelta(days=3)


@shared_task(name="marketdata.tasks.calendar_alerts")
def calendar_alerts() -> None:
    """Tell of exchanges whose calendar ends soon, or has ended."""
    sessions.calendar_alerts_check()


@shared_task(name="marketdata.tasks.prune")
def prune() -> None:
    """Drop the times of live ticks that are days old; those that keep prices stay."""
    live_ticks.live_ticks_prune(before=datetime.now(tz=UTC) - TICKS_KEPT)
