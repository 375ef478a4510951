"""Prizes: after the dispute window each winner is owed theirs, once, from the pool and never more than is in it."""

from __future__ import annotations

import logging

from django.db import transaction

from accounts.services.notices import notify_in_tx
from contests.domain.prize_words import won_words
from contests.domain.stakes import Stakes, awards
from contests.domain.states import ContestStatus
from contests.locks import contest_lock
from contests.models import Award, Contest, Entry
from contests.selectors import ContestView, view_of
from contests.selectors.fairplay import appeals_open
from contests.selectors.results import people_ranked, pool_account, pool_minor, settles_at
from contests.services.moves import SYSTEM, move_in_tx, now
from contests.services.pools import fees_return_in_tx, pool_empty_in_tx, pool_unfund_in_tx
from core.errors import Conflict, DomainError
from core.money import Money
from payments.models import Dispute, Refund
from payments.services.payables import payable_credit_in_tx
from trading.domain.types import Actor

logger = logging.getLogger(__name__)


def contests_settle_due() -> list[int]:
    """Settle what has ended and waited long enough; the ids. One that cannot be settled yet stops no other."""
    done = []
    rows = Contest.objects.filter(status=ContestStatus.ENDED, ended_at__lte=now()).exclude(stakes={})
    for contest in list(rows.order_by("ended_at")[:100]):
        due = settles_at(contest)
        if due is None or due > now():
            continue
        try:
            contest_settle(contest_id=contest.pk)
            done.append(contest.pk)
        except DomainError as error:
            logger.warning("contest %s is not settled yet: %s", contest.pk, error.message)
    return done


def contest_settle(*, actor: Actor = SYSTEM, contest_id: int, reason: str = "") -> ContestView:
    """Owe the winners their prizes. Settling a settled contest changes nothing.

    Raises Conflict `contest_state`; `dispute_window` before its time; `fees_under_way` while fees are being given back
    or contested, because the pool is not known then; `appeals_open` while it is not known who may win.
    """
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status == ContestStatus.SETTLED:
            return view_of(contest)
        due = settles_at(contest)
        if contest.status != ContestStatus.ENDED or due is None:
            message = f"A contest that is {contest.status} has no prizes to give."
            raise Conflict("contest_state", message, {"status": contest.status})
        if due > now():
            raise Conflict("dispute_window", "Its result may still be disputed.", {"until": due.isoformat()})
        _under_way_require(contest)
        winners = _award_in_tx(contest)
        contest.settled_at = now()
        contest.save(update_fields=["settled_at"])
        move_in_tx(contest, ContestStatus.SETTLED, actor=actor, reason=reason or f"{winners} prizes")
        return view_of(contest)


def _under_way_require(contest: Contest) -> None:
    payments = contest.entries.values("payment_id")
    open_refunds = Refund.objects.filter(payment__in=payments, status__in=["requested", "pending"])
    open_disputes = Dispute.objects.filter(payment__in=payments, status__in=["open", "under_review"])
    returning = contest.entries.filter(status__in=[Entry.Status.RETURNING, Entry.Status.HELD])
    if returning.exists() or open_refunds.exists() or open_disputes.exists():
        raise Conflict("fees_under_way", "Fees of this contest are being paid, given back or contested just now.")
    if appeals_open(contest.pk):
        raise Conflict("appeals_open", "Somebody has appealed against a moderator's decision: it is answered first.")


def _award_in_tx(contest: Contest) -> int:
    """Rows, journals and notices of all prizes; how many."""
    stakes = Stakes.from_json(contest.stakes)
    ranked = people_ranked(contest)
    if not ranked:
        # Nobody traded: nobody won, and nobody pays.
        fees_return_in_tx(contest, reason=f"Nobody traded in {contest.name}.")
        pool_unfund_in_tx(contest)
        return 0
    found = awards(stakes, pool_minor=pool_minor(contest.pk, stakes.currency), ranked=len(ranked))
    for award in found:
        winner = ranked[award.place - 1]
        Award.objects.create(
            contest=contest, participant=winner, place=award.place, amount_minor=award.amount_minor,
            currency=stakes.currency, badge=award.badge,
        )  # fmt: skip
        if award.amount_minor:
            payable_credit_in_tx(
                user_id=winner.user_id,
                amount=Money(award.amount_minor, stakes.currency),
                source_account=pool_account(contest.pk),
                reference=f"contest:{contest.pk}:award:{award.place}",
                memo=f"{contest.name}, place {award.place}",
            )
        notify_in_tx(
            user_id=winner.user_id,
            kind="prize_won",
            dedupe=f"contest:{contest.pk}:prize",
            params={
                "prize": won_words(award.amount_minor, stakes.currency, award.badge),
                "contest": contest.name,
            },
            url="/payouts" if award.amount_minor else f"/contests/{contest.slug}",
        )
    pool_empty_in_tx(contest, pool_minor(contest.pk, stakes.currency))
    return len(found)
