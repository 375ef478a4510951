"""Tickets: what a program holds between two steps of signing in. Signed, short-lived, good for one success."""

import logging
import secrets
from dataclasses import dataclass
from typing import Any

from django.core import signing
from redis.exceptions import RedisError

from accounts.models import User
from accounts.services.credentials import refuse_suspended
from core.errors import DomainError
from core.redis import client

logger = logging.getLogger(__name__)

LIFETIME = 300
_SALT = "accounts.tickets"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A step that was taken: by whom, if that is known, and by which method; `state` is what the next step needs."""

    user_id: int | None
    version: int
    method: str
    state: dict[str, Any]
    nonce: str


def ticket_make(*, user: User | None, method: str, state: dict[str, Any] | None = None) -> str:
    """A fresh ticket; dies with the user's tokens."""
    version = user.token_version if user else 0
    data = {
        "u": user.pk if user else None,
        "v": version,
        "m": method,
        "s": state or {},
        "n": secrets.token_urlsafe(12),
    }
    return signing.dumps(data, salt=_SALT, compress=True)


def ticket_read(text: str, *, user: bool) -> tuple[Ticket, User | None]:
    """A ticket and its user, who may still come in. Raises `ticket_invalid`, or `account_suspended`.

    `user`: whether it must be one of a user who is known already.
    """
    try:
        data = signing.loads(text, salt=_SALT, max_age=LIFETIME)
        ticket = Ticket(data["u"], data["v"], data["m"], data["s"], data["n"])
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise ticket_invalid() from error
    if ticket.user_id is None:
        if user:
            raise ticket_invalid()
        return ticket, None
    owner = User.objects.filter(pk=ticket.user_id, is_active=True).first()
    if owner is None or owner.token_version != ticket.version:
        raise ticket_invalid()
    refuse_suspended(owner)
    return ticket, owner


def ticket_use_up(ticket: Ticket) -> None:
    """Let the ticket do no more. Raises `ticket_invalid` when it was used; without Redis it passes."""
    try:
        if not client().set(f"ticket:{ticket.nonce}", 1, nx=True, ex=LIFETIME + 60):
            raise ticket_invalid()
    except RedisError:
        logger.warning("tickets are not counted: Redis does not answer", exc_info=True)


def ticket_invalid() -> DomainError:
    """The refusal of a ticket that opens nothing."""
    return DomainError("ticket_invalid", "This took too long, or was done already. Start again.", status=401)
