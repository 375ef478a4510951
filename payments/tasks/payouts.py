"""Tasks of payouts."""

from celery import shared_task

from payments.services import payout_sending


@shared_task
def payouts_send() -> None:
    """Send what is due, and what another process left behind."""
    payout_sending.payouts_send_due()


@shared_task
def payouts_ask_again() -> None:
    """Ask about what is on its way."""
    payout_sending.payouts_ask_again()
