"""What the views of the firm share."""

from __future__ import annotations

from accounts.models import User
from trading.domain.types import Actor


def actor_of(user: User) -> Actor:
    """Who asks, as services take it."""
    return Actor(user_id=user.pk, is_staff=user.is_operator, label=user.display_name)


def owner_of(user: User) -> Actor:
    """Who asks, where an operator has no more than anyone else: an account of another is not there."""
    return Actor(user_id=user.pk, is_staff=False, label=user.display_name)
