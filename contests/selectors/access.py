"""Who beside its owner may see or trade an account of a contest: its team, and others as the contest lets them."""

from __future__ import annotations

from contests.domain.sharing import LIVE, Sharing
from contests.domain.states import OVER
from contests.models import Contest, Participant, TeamMember
from trading.domain.ports import Access


def contest_account_access(account_id: int, user_id: int | None) -> Access:
    """What somebody else may do with the account: trade it as one of its team, or see it when portfolios are open.

    Where portfolios are shown with a delay, the trade feed shows them; the account itself opens at the end.
    """
    place = Participant.objects.select_related("contest", "team").filter(account_id=account_id).first()
    if place is None:
        return Access.NONE
    contest = place.contest
    team = getattr(place, "team", None)
    if team is not None and user_id in team.members.filter(left_at=None).values_list("user_id", flat=True):
        return Access.TRADE
    if contest.status not in OVER and Sharing.from_json(contest.sharing).portfolios != LIVE:
        return Access.NONE
    is_open = contest.visibility == Contest.Visibility.PUBLIC or takes_part(contest.pk, user_id)
    return Access.SEE if is_open else Access.NONE


def takes_part(contest_id: int, user_id: int | None) -> bool:
    """Whether a user is in a contest, for themselves or in a team."""
    if user_id is None:
        return False
    if Participant.objects.filter(contest_id=contest_id, user_id=user_id).exists():
        return True
    return TeamMember.objects.filter(contest_id=contest_id, user_id=user_id, left_at=None).exists()
