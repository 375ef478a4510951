"""The sandbox."""

from django.conf import settings

from core import schedule


def register() -> None:
    """Its clock, where it is allowed."""
    if settings.SANDBOX_PAYMENTS:
        schedule.register("payments: move the sandbox", "payments.tasks.sandbox.sandbox_tick", 5)
