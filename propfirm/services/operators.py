"""Who may decide about accounts of others, and how such a person is written down."""

from __future__ import annotations

from accounts.domain.roles import ADMIN, MODERATOR
from accounts.models import User
from core.errors import Forbidden
from propfirm.models import PropAccount
from trading.domain.types import Actor


def operator_require(user: User) -> None:
    """Raise Forbidden unless the person moderates or administers."""
    if not (user.is_superuser or user.role in (MODERATOR, ADMIN)):
        raise Forbidden("forbidden", "Only an operator may do this.")


def other_person_require(account: PropAccount, user: User) -> None:
    """Raise Forbidden `own_account` when the account is the person's own."""
    if account.owner_id == user.pk:
        raise Forbidden("own_account", "Nobody decides about their own account.")


def actor_of(user: User) -> Actor:
    """The operator who acts."""
    return Actor(user_id=user.pk, is_staff=True, label=user.display_name)
