"""Payouts."""

from core import schedule


def register() -> None:
    """The periodic tasks."""
    schedule.register("payments: send payouts", "payments.tasks.payouts.payouts_send", 15)
    schedule.register("payments: ask about payouts", "payments.tasks.payouts.payouts_ask_again", 300)
