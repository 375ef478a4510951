"""The reads. Other apps get frozen dataclasses, never rows."""

from contests.selectors.contests import (
    ContestView,
    ParticipantView,
    contest_by_id,
    contest_by_slug,
    contest_get,
    contests_list,
    contests_on_market,
    contests_query,
    featured,
    participant_get,
    participants_of_user,
    running_first,
    series_exists,
    view_of,
)
from contests.selectors.standings import StandingRow, StandingsPage, standings, standings_page

__all__ = [
    "ContestView",
    "ParticipantView",
    "StandingRow",
    "StandingsPage",
    "contest_by_id",
    "contest_by_slug",
    "contest_get",
    "contests_list",
    "contests_on_market",
    "contests_query",
    "featured",
    "participant_get",
    "participants_of_user",
    "running_first",
    "series_exists",
    "standings",
    "standings_page",
    "view_of",
]
