"""Webhooks."""

from core import schedule


def register() -> None:
    """The periodic tasks."""
    schedule.register("payments: process webhooks", "payments.tasks.webhooks.webhooks_process_due", 10)
    schedule.register("payments: forget old webhooks", "payments.tasks.webhooks.webhooks_purge", 86_400)
