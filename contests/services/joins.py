"""Joining a contest: one account a user, funded with the same balance as everyone's."""

from __future__ import annotations

import hmac

from django.db import transaction

from accounts.models import User
from accounts.selectors.standing import standing_require
from contests.domain.constraints import Constraints
from contests.domain.states import JOINABLE
from contests.locks import contest_lock
from contests.models import Contest, Participant
from contests.services.contests import PURPOSE
from core.errors import Conflict, Forbidden, NotFound
from core.money import Money
from core.services import outbox
from trading.domain.types import Actor
from trading.services.accounts import account_open_in_tx

_USER = ("id", "display_name", "kind", "status", "is_active", "clearance")


def contest_join(*, actor: Actor, contest_id: int, invite_code: str = "") -> int:
    """Join a contest; returns the account to trade with. Joining twice returns the same account."""
    with transaction.atomic(durable=True):
        return contest_join_in_tx(actor=actor, contest_id=contest_id, invite_code=invite_code)


def contest_join_in_tx(*, actor: Actor, contest_id: int, invite_code: str = "", invited: bool = False) -> int:
    """`contest_join` in the caller's transaction. `invited`: the contest's own definition names the participant."""
    if actor.user_id is None:
        raise Forbidden("not_a_user", "Only a user can join a contest.")
    contest = contest_lock(contest_id)
    joined = Participant.objects.filter(contest=contest, user_id=actor.user_id).values_list("account_id", flat=True)
    known = joined.first()
    if known is not None:
        return known
    user = User.objects.filter(pk=actor.user_id).only(*_USER).first()
    if user is None or not user.is_active or user.status != User.Status.ACTIVE:
        raise Forbidden("account_suspended", "Your sign-in is suspended, so you cannot join.")
    standing_require(user)
    _check(contest, invite_code, invited=invited)
    account_id = account_open_in_tx(
        owner_id=user.pk,
        market_id=contest.market_id,
        group_id=contest.group_id,
        purpose=PURPOSE,
        label=contest.name,
        initial=Money(contest.initial_balance_minor, contest.currency),
        terms=Constraints.from_json(contest.definition["constraints"]).terms(),
    )
    participant = Participant.objects.create(
        contest=contest, user_id=user.pk, account_id=account_id, kind=user.kind, display_name=user.display_name
    )
    outbox.emit(
        topic="contests.participant_joined",
        aggregate=f"contest:{contest.pk}",
        payload={
            "contest_id": contest.pk,
            "participant_id": participant.pk,
            "account_id": account_id,
            "user_id": user.pk,
            "kind": user.kind,
        },
    )
    return account_id


def _check(contest: Contest, invite_code: str, *, invited: bool) -> None:
    if contest.status == "draft":
        raise NotFound("contest_not_found", "There is no such contest.")
    if contest.status not in JOINABLE or contest.closing_at is not None:
        raise Conflict("contest_not_open", f"This contest is {contest.status} and takes no new participants.")
    if contest.visibility == Contest.Visibility.PRIVATE and not invited:
        if not invite_code:
            raise Forbidden("invite_code_needed", "This contest is private. Enter its invite code to join.")
        if not hmac.compare_digest(contest.invite_code.encode(), invite_code.strip().encode()):
            raise Forbidden("invite_code_wrong", "That invite code is not right.")
    if contest.participants.count() >= contest.capacity:
        raise Conflict("contest_full", "This contest is full.", {"capacity": contest.capacity})
