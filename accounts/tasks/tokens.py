"""Background tasks of the accounts app."""

from celery import shared_task

from accounts.services import tokens


@shared_task
def tokens_forget_expired() -> None:
    """Delete the records of expired refresh tokens."""
    tokens.tokens_forget_expired()
