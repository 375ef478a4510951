"""Tasks of payments and refunds."""

from celery import shared_task

from payments.services import closing, refunding


@shared_task
def payments_expire() -> None:
    """Close pages that nobody paid on in time."""
    closing.payments_expire_due()


@shared_task
def payments_ask_again() -> None:
    """Ask about open payments, for the case that a webhook was lost."""
    closing.payments_ask_again()


@shared_task
def refunds_ask_again() -> None:
    """Ask about refunds on their way."""
    closing.refunds_ask_again()


@shared_task
def disputes_ask_again() -> None:
    """Ask about disputes that are not decided."""
    closing.disputes_ask_again()


@shared_task
def refunds_send() -> None:
    """Send refunds that wait for their turn."""
    refunding.refunds_send_due()
