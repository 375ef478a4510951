"""Leads: users who may be one person."""

from celery import shared_task

from accounts.services import leads


@shared_task(soft_time_limit=240, time_limit=300)
def leads_find() -> None:
    """Look for users who share a device, an address or a payment instrument."""
    leads.leads_find()
