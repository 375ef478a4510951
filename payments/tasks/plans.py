"""Tasks of plans and subscriptions."""

from celery import shared_task

from payments.services import dunning, recognition, subscriptions


@shared_task
def subscriptions_tend() -> None:
    """End what must not go on, and ask about what should have renewed."""
    dunning.subscriptions_tidy()
    subscriptions.subscriptions_ask_again()


@shared_task
def reminders_send() -> None:
    """Remind those whose renewal is due."""
    dunning.reminders_send()


@shared_task
def revenue_recognise() -> None:
    """Recognise what has been earned."""
    recognition.revenue_recognise()
