"""Joining a contest: one account a user, funded with the same balance as everyone's."""

from __future__ import annotations

import hmac

from django.db import transaction

from accounts.models import User
from accounts.selectors.standing import standing_require
from contests.domain.admission import Admission
from contests.domain.constraints import Constraints
from contests.domain.prize_words import amount_words
from contests.domain.stakes import Stakes
from contests.domain.states import JOINABLE, ContestStatus
from contests.locks import contest_lock
from contests.models import Contest, Entry, Participant
from contests.services.contests import PURPOSE
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.money import Money
from core.services import outbox
from trading.domain.types import Actor
from trading.services.accounts import account_open_in_tx
from trading.services.locking import account_unlock_in_tx

_USER = ("id", "email", "display_name", "kind", "status", "is_active", "clearance")


def contest_join(*, actor: Actor, contest_id: int, invite_code: str = "") -> int:
    """Join a contest; returns the account to trade with. Joining twice returns the same account."""
    with transaction.atomic(durable=True):
        return contest_join_in_tx(actor=actor, contest_id=contest_id, invite_code=invite_code)


def contest_join_in_tx(
    *, actor: Actor, contest_id: int, invite_code: str = "", invited: bool = False, paid: bool = False
) -> int:
    """`contest_join` in the caller's transaction.

    `invited`: the contest's own definition names the participant. `paid`: its fee is. Who withdrew comes back to the
    account that they had.
    """
    if actor.user_id is None:
        raise Forbidden("not_a_user", "Only a user can join a contest.")
    contest = contest_lock(contest_id)
    known = Participant.objects.filter(contest=contest, user_id=actor.user_id).first()
    if known is not None and known.status == Participant.Status.ACTIVE:
        return known.account_id
    user = User.objects.filter(pk=actor.user_id).only(*_USER).first()
    if user is None or not user.is_active or user.status != User.Status.ACTIVE:
        raise Forbidden("account_suspended", "Your sign-in is suspended, so you cannot join.")
    standing_require(user)
    _check(contest, invite_code, invited=invited)
    if not invited:
        admission_require(contest, user)
    if user.kind == User.Kind.PERSON and not paid:
        _fee_require(contest, invite_code)
    if known is not None:
        return _back_in_tx(known)
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


def admission_require(contest: Contest, user: User) -> None:
    """Raise unless the contest lets this person in now: Conflict `entry_closed`, Forbidden `email_domain`."""
    admission = Admission.from_json(contest.admission)
    if not admission.late_entry and contest.status != ContestStatus.SCHEDULED:
        raise Conflict("entry_closed", "This contest takes nobody after it has started.", {"status": contest.status})
    if not admission.admits(user.email):
        domains = ", ".join(admission.email_domains[:5])
        raise Forbidden(
            "email_domain",
            f"This contest is for people with an address at {domains}. Change yours in the settings, and verify it.",
            {"email_domains": list(admission.email_domains)},
        )


def _fee_require(contest: Contest, invite_code: str) -> None:
    stakes = Stakes.from_json(contest.stakes)
    if stakes.fee_minor:
        tail = f"/{invite_code.strip()}" if contest.visibility == Contest.Visibility.PRIVATE else ""
        fee = amount_words(stakes.fee_minor, stakes.currency)
        raise DomainError(
            "payment_needed",
            f"This contest costs {fee} to enter.",
            {"fee_minor": stakes.fee_minor, "currency": stakes.currency, "kind": "contest",
             "reference": f"{contest.slug}{tail}", "url": f"/checkout/contest/{contest.slug}{tail}"},
            status=402,
        )  # fmt: skip


def _back_in_tx(place: Participant) -> int:
    account_unlock_in_tx(account_id=place.account_id, reason="Joined again.")
    place.status = Participant.Status.ACTIVE
    place.save(update_fields=["status"])
    return place.account_id


def places_left_in_tx(contest: Contest) -> int:
    """The places of a locked contest that nobody has and nobody is paying for. Raises Conflict `contest_full`."""
    taken = contest.participants.filter(status=Participant.Status.ACTIVE).count()
    left = contest.capacity - taken - contest.entries.filter(status=Entry.Status.HELD).count()
    if left <= 0:
        raise Conflict("contest_full", "This contest is full.", {"capacity": contest.capacity})
    return left


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
    places_left_in_tx(contest)
