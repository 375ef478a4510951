"""Following a trader, and no longer. Both are safe to repeat."""

from __future__ import annotations

from django.db import transaction

from accounts.locks import user_lock
from contests.models import Follow
from contests.selectors.follows import MOST_FOLLOWED, trader_get
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.services import audit, outbox
from core.throttling import limit
from trading.domain.types import Actor


def follow(*, actor: Actor, user_id: int) -> None:
    """Follow a person with a public profile, or an agent.

    Raises NotFound `trader_not_found`; Invalid `not_yourself`; Conflict `too_many_followed` at 500.
    """
    mine = _self(actor)
    if mine == user_id:
        raise Invalid("not_yourself", "You cannot follow yourself.")
    limit("comments", f"follow:{mine}")
    with transaction.atomic(durable=True):
        # Two follows at once would both count 499.
        user_lock(mine)
        if trader_get(user_id) is None:
            raise NotFound("trader_not_found", "There is no trader here whom you could follow.")
        rows = Follow.objects.filter(follower_id=mine)
        if rows.filter(followed_id=user_id).exists():
            return
        if rows.count() >= MOST_FOLLOWED:
            message = f"You follow {MOST_FOLLOWED} traders, which is the most. Unfollow one first."
            raise Conflict("too_many_followed", message, {"most": MOST_FOLLOWED})
        Follow.objects.create(follower_id=mine, followed_id=user_id)
        _tell(actor, mine, user_id, "followed")


def unfollow(*, actor: Actor, user_id: int) -> None:
    """Follow a trader no longer. Whom one does not follow changes nothing."""
    mine = _self(actor)
    limit("comments", f"follow:{mine}")
    with transaction.atomic(durable=True):
        if Follow.objects.filter(follower_id=mine, followed_id=user_id).delete()[0]:
            _tell(actor, mine, user_id, "unfollowed")


def _self(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden("not_a_user", "Only a user can follow a trader.")
    return actor.user_id


def _tell(actor: Actor, follower_id: int, followed_id: int, verb: str) -> None:
    audit.record(actor=actor, action=f"trader.{verb}", subject_type="user", subject_id=followed_id)
    outbox.emit(
        topic=f"contests.trader_{verb}",
        aggregate=f"user:{follower_id}",
        payload={"follower_id": follower_id, "followed_id": followed_id},
    )
