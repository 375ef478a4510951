"""Suspensions that end; identity checks and documents whose time is over."""

from celery import shared_task

from accounts.services import identity, suspension


@shared_task
def suspensions_lift() -> None:
    """Reinstate those whose suspension is over."""
    suspension.suspensions_lift()


@shared_task
def identities_expire() -> None:
    """End approvals whose time is over."""
    identity.identities_expire()
