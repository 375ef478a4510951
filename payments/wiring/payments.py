"""Payments and refunds."""

from core import schedule


def register() -> None:
    """The periodic tasks."""
    schedule.register("payments: close unpaid", "payments.tasks.payments.payments_expire", 30)
    schedule.register("payments: ask again", "payments.tasks.payments.payments_ask_again", 60)
    schedule.register("payments: ask about refunds", "payments.tasks.payments.refunds_ask_again", 300)
    schedule.register("payments: ask about disputes", "payments.tasks.payments.disputes_ask_again", 600)
    schedule.register("payments: send refunds", "payments.tasks.payments.refunds_send", 15)
