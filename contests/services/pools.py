"""The prize pool of a contest: what is put into it, taken out, and given back."""

from __future__ import annotations

from contests.domain.stakes import Stakes
from contests.models import Contest, Entry
from contests.selectors.results import pool_account
from payments.domain import chart
from payments.services import books

# What the house or a sponsor puts into pools is a cost against this account; what nobody won comes back to it.
HOUSE = chart.revenue("prizes")


def pool_fund_in_tx(contest: Contest) -> None:
    """Put what was promised into the pool, once: nothing is announced that is not there."""
    _move_in_tx(contest, "pool", Stakes.from_json(contest.stakes).added_minor)


def pool_unfund_in_tx(contest: Contest) -> None:
    """Take it out again: the contest does not take place."""
    if books.is_posted(f"contest:{contest.pk}:pool"):
        _move_in_tx(contest, "unpool", -Stakes.from_json(contest.stakes).added_minor)


def pool_empty_in_tx(contest: Contest, minor: int) -> None:
    """What nobody won goes back to the house."""
    _move_in_tx(contest, "rest", -minor)


def _move_in_tx(contest: Contest, what: str, minor: int) -> None:
    reference = f"contest:{contest.pk}:{what}"
    if minor and not books.is_posted(reference):
        books.post_in_tx(
            kind="pool",
            reference=reference,
            currency=Stakes.from_json(contest.stakes).currency,
            legs=[(HOUSE, minor), (pool_account(contest.pk), -minor)],
            memo=contest.name,
        )


def fees_return_in_tx(contest: Contest, *, reason: str, user_id: int | None = None) -> int:
    """Have the fees of a locked contest given back, all or one person's; how many. A sweep asks for the refunds."""
    rows = Entry.objects.filter(contest=contest, status=Entry.Status.TAKEN)
    rows = rows if user_id is None else rows.filter(user_id=user_id)
    return rows.update(status=Entry.Status.RETURNING, reason=reason[:200])
