"""Guessing costs time: after a number of wrong passwords for one address, known or not, it has to wait, ever longer.

This comes on top of the limits per minute (core.throttling), which a patient guesser stays below. Other ways in (a
code, a passkey, Google, a new password) stay open, so nobody is locked out by someone else's guesses.
"""

import hashlib
import logging

from redis.exceptions import RedisError

from core.errors import DomainError
from core.redis import client

logger = logging.getLogger(__name__)

FREE = 10
FIRST_WAIT, LONGEST_WAIT = 30, 900
REMEMBERED = 86_400


def attempts_require(email: str) -> None:
    """Raise `rate_limited` (429) while the address has to wait. When Redis does not answer, attempts pass."""
    try:
        wait = int(client().ttl(_lock(email)))
    except RedisError:
        logger.warning("wrong passwords are not counted: Redis does not answer", exc_info=True)
        return
    if wait > 0:
        message = f"Too many wrong passwords. Try again in {wait} s, or sign in another way."
        raise DomainError("rate_limited", message, {"retry_after": wait}, status=429)


def attempt_failed(email: str) -> None:
    """Count a wrong password; from the tenth within a day on, each doubles the wait."""
    try:
        count = int(client().incr(_count(email)))
        client().expire(_count(email), REMEMBERED)
        if count >= FREE:
            client().set(_lock(email), 1, ex=wait_after(count))
    except RedisError:
        logger.warning("wrong passwords are not counted: Redis does not answer", exc_info=True)


def attempts_forget(email: str) -> None:
    """Start afresh: the right password was given, or a new one chosen."""
    try:
        client().delete(_count(email), _lock(email))
    except RedisError:
        logger.warning("wrong passwords are not forgotten: Redis does not answer", exc_info=True)


def wait_after(count: int) -> int:
    """Seconds to wait after so many wrong passwords: 30 after the tenth, then twice as long each time, up to 900."""
    return int(min(FIRST_WAIT * 2 ** min(max(count - FREE, 0), 16), LONGEST_WAIT))


def _count(email: str) -> str:
    return f"signin:wrong:{_digest(email)}"


def _lock(email: str) -> str:
    return f"signin:wait:{_digest(email)}"


def _digest(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
