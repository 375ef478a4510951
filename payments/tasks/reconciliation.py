"""Tasks of reconciliation."""

from celery import shared_task

from payments.services import reconciliation


@shared_task(soft_time_limit=1_500, time_limit=1_600)
def reconcile_all() -> None:
    """Hold every provider's statement against the books."""
    reconciliation.reconcile_all()
