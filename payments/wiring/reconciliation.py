"""Reconciliation."""

from core import schedule


def register() -> None:
    """Each six hours: fees are booked by it."""
    schedule.register("payments: reconcile", "payments.tasks.reconciliation.reconcile_all", 21_600)
