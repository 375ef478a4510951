"""Entry fees: a place is held while it is being paid, taken when the provider says so, given back when it is not used.

A contest that costs a fee is bought like anything else: `reference` is its slug, with its invite code after a slash
when it is private. Nobody is in before the fee is paid; who pays too late gets the fee back by the payment's own ways.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from contests.domain.stakes import BASIS, Stakes
from contests.domain.states import JOINABLE, ContestStatus
from contests.locks import contest_lock
from contests.models import Contest, Entry, Participant
from contests.selectors.results import pool_account
from contests.services.joins import admission_require, contest_join_in_tx, places_left_in_tx
from contests.services.moves import tell
from contests.services.pools import fees_return_in_tx
from core.errors import Conflict, DomainError, NotFound
from core.services import audit
from payments.domain import chart
from payments.domain.purchases import Bought, Offer, Share
from payments.services.refunding import refund_request
from trading.domain.types import Actor
from trading.services.locking import account_lock_in_tx

logger = logging.getLogger(__name__)

KIND = "contest"
BATCH = 50
_Status = Entry.Status


class EntryKind:
    """Sells places in contests."""

    label = "Contest entry"

    def offer(
        self,
        *,
        user_id: int,
        reference: str,
        params: Mapping[str, Any],  # noqa: ARG002
        currency: str,  # noqa: ARG002 - a fee has its own
    ) -> Offer:
        """The fee. Raises NotFound, Conflict `contest_not_open`, `already_joined`, `contest_free`."""
        contest, stakes = _found(reference)
        if Participant.objects.filter(contest=contest, user_id=user_id, status=Participant.Status.ACTIVE).exists():
            url = f"/contests/{contest.slug}"
            raise Conflict("already_joined", "You are in this contest already.", {"url": url})
        admission_require(contest, User.objects.get(pk=user_id))
        shares = (
            Share(pool_account(contest.pk), chart.PRIZE_POOL, BASIS - stakes.house_bp),
            Share(chart.revenue("contests"), chart.REVENUE, stakes.house_bp),
        )
        return Offer(
            title=f"Entry: {contest.name}"[:120],
            subtotal_minor=stakes.fee_minor,
            currency=stakes.currency,
            shares=tuple(share for share in shares if share.weight),
            about="The place is yours when the fee is paid. You may withdraw until the contest starts.",
        )

    def hold_in_tx(self, bought: Bought) -> None:
        """Keep a place while it is being paid for. Raises Conflict `contest_full`, `contest_not_open`."""
        contest = contest_lock(_found(bought.reference)[0].pk)
        held = Entry.objects.filter(contest=contest, user_id=bought.user_id, status=_Status.HELD)
        held.update(status=_Status.RELEASED, reason="Begun anew.")
        places_left_in_tx(contest, bought.user_id)
        Entry.objects.create(contest=contest, user_id=bought.user_id, payment_id=bought.payment_id)

    def grant_in_tx(self, bought: Bought) -> None:
        """The place itself. A DomainError means that it cannot be had any more: the fee is given back."""
        entry = Entry.objects.select_related("contest").get(payment_id=bought.payment_id)
        contest = contest_lock(entry.contest_id)
        entry.refresh_from_db(fields=["status"])
        # Its own place is no longer counted against it.
        Entry.objects.filter(pk=entry.pk).update(status=_Status.RELEASED)
        contest_join_in_tx(
            actor=Actor(user_id=bought.user_id),
            contest_id=contest.pk,
            invite_code=_code(bought.reference),
            paid=True,
        )
        others = Entry.objects.filter(contest=contest, user_id=bought.user_id, status=_Status.TAKEN)
        if others.exists():
            raise Conflict("already_joined", "You are in this contest already.")
        Entry.objects.filter(pk=entry.pk).update(status=_Status.TAKEN)

    def release_in_tx(self, bought: Bought) -> None:
        """Nobody paid: the place is free again."""
        Entry.objects.filter(payment_id=bought.payment_id, status=_Status.HELD).update(status=_Status.RELEASED)

    def revoke_in_tx(self, bought: Bought, *, reason: str) -> None:
        """The fee has gone back: who paid it is out of the contest, and their account trades no more."""
        entry = Entry.objects.filter(payment_id=bought.payment_id).first()
        if entry is None:
            return
        contest = contest_lock(entry.contest_id)
        Entry.objects.filter(pk=entry.pk).update(status=_Status.RETURNED)
        if contest.status == ContestStatus.SETTLED:
            # Its prizes are out: what was computed from who took part stays as it is.
            return
        place = Participant.objects.filter(contest=contest, user_id=entry.user_id).first()
        if place is not None and place.status == Participant.Status.ACTIVE:
            _withdraw_in_tx(place, reason)


def _found(reference: str) -> tuple[Contest, Stakes]:
    slug = reference.partition("/")[0]
    contest = Contest.objects.filter(slug=slug).exclude(status=ContestStatus.DRAFT).first()
    if contest is None or (contest.visibility == "private" and not _knows(contest, _code(reference))):
        raise NotFound("contest_not_found", "There is no such contest.")
    stakes = Stakes.from_json(contest.stakes)
    if contest.status not in JOINABLE or contest.closing_at is not None:
        raise Conflict("contest_not_open", f"This contest is {contest.status} and takes no new participants.")
    if not stakes.fee_minor:
        raise Conflict("contest_free", "This contest costs nothing: join it on its page.")
    return contest, stakes


def _code(reference: str) -> str:
    return reference.partition("/")[2]


def _knows(contest: Contest, code: str) -> bool:
    return hmac.compare_digest(contest.invite_code.encode(), code.encode())


def contest_withdraw(*, actor: Actor, contest_id: int) -> None:
    """Leave a contest before it starts; a fee that was paid is given back.

    Raises NotFound `not_in_contest`; Conflict `contest_started`.
    """
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        rows = Participant.objects.filter(contest=contest, user_id=actor.user_id or 0)
        place = rows.filter(status=Participant.Status.ACTIVE).first()
        if place is None:
            raise NotFound("not_in_contest", "You are not in this contest.")
        if contest.status != ContestStatus.SCHEDULED:
            raise Conflict("contest_started", "A contest can be left until it starts.", {"status": contest.status})
        _withdraw_in_tx(place, "Withdrew before the start.")
        fees_return_in_tx(contest, reason="Withdrew before the start.", user_id=place.user_id)
        audit.record(
            actor=actor, action="contest.withdraw", subject_type="contest", subject_id=contest.pk,
            after={"participant": place.pk},
        )  # fmt: skip
        tell(contest, "withdrawn", user_id=place.user_id)


def _withdraw_in_tx(place: Participant, reason: str) -> None:
    place.status = Participant.Status.WITHDRAWN
    place.save(update_fields=["status"])
    account_lock_in_tx(account_id=place.account_id, reason=reason[:200])


def fees_return_due() -> int:
    """Ask for the refunds that are due, once each; how many were asked for."""
    rows = Entry.objects.filter(status=_Status.RETURNING).order_by("pk")
    return sum(_return(entry) for entry in list(rows[:BATCH]))


def _return(entry: Entry) -> bool:
    try:
        refund_request(
            actor=None,
            payment_id=entry.payment_id,
            amount_minor=None,
            reason=entry.reason or "The contest does not take place.",
            idempotency_key=f"entry-{entry.pk}",
        )
    except DomainError as error:
        if error.code not in ("refund_too_large", "payment_not_paid"):
            logger.warning("the fee of entry %s is not given back yet: %s", entry.pk, error.message)
            return False
        # It went back in another way, or nothing was to be paid.
    Entry.objects.filter(pk=entry.pk, status=_Status.RETURNING).update(status=_Status.RETURNED)
    return True
