"""Background work of contests."""

from celery import shared_task

from contests.services import telling
from contests.services.entries import fees_return_due
from contests.services.fairplay import fairplay_scan_due
from contests.services.lifecycle import lifecycle_run
from contests.services.settling import contests_settle_due
from contests.services.templates import templates_run
from contests.services.waiting import waiting_advance_due


@shared_task(name="contests.tasks.lifecycle", soft_time_limit=50, time_limit=60)
def lifecycle() -> None:
    """Start what is due and end what is over."""
    lifecycle_run()


@shared_task(name="contests.tasks.settle")
def settle() -> None:
    """Owe the winners of ended contests their prizes."""
    contests_settle_due()


@shared_task(name="contests.tasks.fees_return")
def fees_return() -> None:
    """Give back the fees of contests that were called off or left."""
    fees_return_due()


@shared_task(name="contests.tasks.ranks_tell")
def ranks_tell() -> None:
    """Tell people whose rank has moved."""
    telling.ranks_tell()


@shared_task(name="contests.tasks.templates")
def templates() -> None:
    """Make the contests of recurring templates that are due."""
    templates_run()


@shared_task(name="contests.tasks.waiting")
def waiting() -> None:
    """Give places that got free to who waits for one."""
    waiting_advance_due()


@shared_task(name="contests.tasks.fairplay", soft_time_limit=800, time_limit=880)
def fairplay() -> None:
    """Look for unfair play in contests that run, and in results that may still be disputed."""
    fairplay_scan_due()
