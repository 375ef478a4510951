"""Mails and text messages of the entrance."""

from celery import shared_task

from accounts.domain.ports import MessageNotSentError
from accounts.services import codes, letters

FAILURES = (MessageNotSentError, OSError)


@shared_task(autoretry_for=FAILURES, max_retries=5, retry_backoff=2, retry_jitter=True)
def letter_send(kind: str, user_id: int) -> None:
    """Write and send a mail that was asked for."""
    letters.letter_send(kind=kind, user_id=user_id)


@shared_task(autoretry_for=FAILURES, max_retries=2, retry_backoff=2, retry_jitter=True)
def signin_code_send(ticket: str, user_id: int, channel: str) -> None:
    """Make a code to sign in with and send it."""
    codes.signin_code_send(ticket=ticket, user_id=user_id, channel=channel)
