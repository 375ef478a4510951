"""Background tasks of the marketdata app. Each calls one service."""

from datetime import UTC, datetime, timedelta

from celery import shared_task

from marketdata.services import live_ticks, sessions, setup

TICKS_KEPT = timedelta(days=3)


@shared_task(name="marketdata.tasks.calendar_alerts")
def calendar_alerts() -> None:
    """Tell of exchanges whose calendar ends soon, or has ended."""
    sessions.calendar_alerts_check()


@shared_task(name="marketdata.tasks.history_keep", soft_time_limit=840, time_limit=900)
def history_keep() -> None:
    """Bring the daily history of what is traded up to the last session: from the vendors, and of the simulated."""
    setup.simulated_keep()
    setup.history_keep(now=datetime.now(tz=UTC))


@shared_task(name="marketdata.tasks.prune")
def prune() -> None:
    """Drop the times of live ticks that are days old; those that keep prices stay."""
    live_ticks.live_ticks_prune(before=datetime.now(tz=UTC) - TICKS_KEPT)
