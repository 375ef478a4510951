"""What contests show on a person's public page: the public ones that the person has entered, with place and return."""

from __future__ import annotations

from django.urls import reverse

from accounts.sections import ProfileRow, ProfileSection, register_profile_section
from contests.domain.standings import return_text
from contests.domain.states import OVER
from contests.models import Contest, Participant
from contests.selectors.certificates import badges_of

MAX_ROWS = 20


def contests_section(user_id: int) -> ProfileSection | None:
    """The newest public contests of a person."""
    rows = (
        Participant.objects.select_related("contest")
        .filter(user_id=user_id, contest__visibility=Contest.Visibility.PUBLIC)
        .exclude(contest__status__in=("draft", "cancelled"))
        .order_by("-id")[:MAX_ROWS]
    )
    found = tuple(_row(row) for row in rows)
    return ProfileSection("Contests", found) if found else None


def _row(row: Participant) -> ProfileRow:
    contest = row.contest
    place = figure = ""
    if contest.status in OVER and row.final_value_minor is not None:
        place = f"#{row.final_rank}" if row.final_rank else "did not trade"
        figure = return_text(row.final_value_minor, contest.initial_balance_minor) if row.final_rank else ""
    when = contest.ended_at or row.joined_at
    note = f"{'Ended' if contest.ended_at else 'Joined'} {when:%d %b %Y}, {contest.status}"
    return ProfileRow(contest.name, reverse("contest", args=[contest.slug]), note, place, figure)


def badges_section(user_id: int) -> ProfileSection | None:
    """What somebody has won."""
    found = tuple(
        ProfileRow(badge, reverse("contest", args=[slug]), f"{contest}, {when:%d %b %Y}", "", "")
        for badge, contest, slug, when in badges_of(user_id, MAX_ROWS)
    )
    return ProfileSection("Badges", found) if found else None


def register() -> None:
    """Plug into public pages; called once from AppConfig.ready()."""
    register_profile_section("contests", contests_section)
    register_profile_section("badges", badges_section)
