"""Joining a contest: one account a user, funded with the same balance as everyone's."""

from __future__ import annotations

import hmac
import secrets

from django.db import transaction

from accounts.models import User
from accounts.selectors.standing import standing_require
from contests.domain.admission import Admission
from contests.domain.constraints import Constraints
from contests.domain.prize_words import amount_words
from contests.domain.stakes import Stakes
from contests.domain.states import JOINABLE, ContestStatus
from contests.locks import contest_lock
from contests.models import Contest, Participant, Team, TeamMember, Waiting
from contests.selectors.places import places_for, places_free
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
    team_free_require(contest, actor.user_id)
    user = User.objects.filter(pk=actor.user_id).only(*_USER).first()
    if user is None or not user.is_active or user.status != User.Status.ACTIVE:
        raise Forbidden("account_suspended", "Your sign-in is suspended, so you cannot join.")
    standing_require(user)
    if known is not None and known.status in (Participant.Status.EXCLUDED, Participant.Status.DISQUALIFIED):
        raise Forbidden("taken_out", "You were taken out of this contest.", {"status": known.status})
    open_require(contest, invite_code, invited=invited)
    # A place that was held while it was paid for, or that the definition names, is nobody's in the queue.
    places_left_in_tx(contest, user.pk, past_queue=paid or invited)
    if not invited:
        admission_require(contest, user)
    if user.kind == User.Kind.PERSON and not paid:
        _fee_require(contest, invite_code)
    waiting_done_in_tx(contest, user.pk)
    return _back_in_tx(known) if known is not None else _enter_in_tx(contest, user)


def place_account_open_in_tx(contest: Contest, user_id: int) -> int:
    """An account with the starting balance, on the contest's terms."""
    return account_open_in_tx(
        owner_id=user_id,
        market_id=contest.market_id,
        group_id=contest.group_id,
        purpose=PURPOSE,
        label=contest.name,
        initial=Money(contest.initial_balance_minor, contest.currency),
        terms=Constraints.from_json(contest.definition["constraints"]).terms(),
    )


def _enter_in_tx(contest: Contest, user: User) -> int:
    """The account, the place and the event of who enters for the first time."""
    account_id = place_account_open_in_tx(contest, user.pk)
    participant = Participant.objects.create(
        contest=contest, user_id=user.pk, account_id=account_id, kind=user.kind, display_name=user.display_name
    )
    if user.kind == User.Kind.PERSON and Admission.from_json(contest.admission).team_size > 1:
        team_make_in_tx(participant)
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


def places_left_in_tx(contest: Contest, user_id: int, *, past_queue: bool = False) -> int:
    """The places of a locked contest that are free for this user. Raises Conflict `contest_full`.

    Who waits comes first: what is free while somebody does is theirs. `past_queue`: the place is this user's already.
    """
    left = places_free(contest, user_id) if past_queue else places_for(contest, user_id)
    if left <= 0:
        details = {"capacity": contest.capacity, "url": f"/contests/{contest.slug}"}
        raise Conflict("contest_full", "This contest is full. You may wait for a place.", details)
    return left


def waiting_done_in_tx(contest: Contest, user_id: int) -> None:
    """Who is in waits no more."""
    rows = contest.waiting.filter(user_id=user_id, status__in=[Waiting.Status.WAITING, Waiting.Status.OFFERED])
    rows.update(status=Waiting.Status.JOINED)


def team_free_require(contest: Contest, user_id: int) -> None:
    """Raise Conflict `in_team` when the user is in a team of this contest already."""
    member = TeamMember.objects.select_related("team").filter(contest=contest, user_id=user_id, left_at=None).first()
    if member is not None:
        raise Conflict(
            "in_team", f"You are in the team {member.team.name}. Leave it first.", {"team": member.team.name}
        )


def team_make_in_tx(participant: Participant) -> None:
    """A team for who enters a contest of teams: named after them until they choose a name, with a code to join by."""
    name = participant.display_name
    if Team.objects.filter(contest_id=participant.contest_id, name=name).exists():
        name = f"{name[:32]} {participant.pk % 10_000_000}"
    Team.objects.create(
        contest_id=participant.contest_id, participant=participant, name=name, code=secrets.token_urlsafe(9)
    )


def open_require(contest: Contest, invite_code: str, *, invited: bool = False) -> None:
    """Raise unless the contest takes people and the code of a private one is right."""
    if contest.status == "draft":
        raise NotFound("contest_not_found", "There is no such contest.")
    if contest.status not in JOINABLE or contest.closing_at is not None:
        raise Conflict("contest_not_open", f"This contest is {contest.status} and takes no new participants.")
    if contest.visibility == Contest.Visibility.PRIVATE and not invited:
        if not invite_code:
            raise Forbidden("invite_code_needed", "This contest is private. Enter its invite code to join.")
        if not hmac.compare_digest(contest.invite_code.encode(), invite_code.strip().encode()):
            raise Forbidden("invite_code_wrong", "That invite code is not right.")
