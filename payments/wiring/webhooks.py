"""Webhooks."""

from core import schedule


def register() -> None:
    """The handler that processes what has just come, and the periodic tasks."""
    from payments.handlers import webhooks  # noqa: F401

    schedule.register("payments: process webhooks", "payments.tasks.webhooks.webhooks_process_due", 10)
    schedule.register("payments: forget old webhooks", "payments.tasks.webhooks.webhooks_purge", 86_400)
