"""What the page of one contest shows beside prices and the ticket: the place, the team, the standings' parts, words."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from contests import selectors
from contests.selectors import ContestView, ParticipantView, StandingsPage
from contests.selectors.console import broadcasts_query
from contests.selectors.places import is_full, team_of, waiting_count, waiting_of
from contests.selectors.splits import countries, movers, only_accounts, sides
from contests.web.pages import contest_open
from contests.web.social import social_context
from core.errors import DomainError
from core.pages import page
from trading.domain.types import Actor

TABS = (
    {"code": "", "label": "All"},
    {"code": "people", "label": "People"},
    {"code": "agents", "label": "Agents"},
    {"code": "friends", "label": "Friends"},
)
LATEST_MESSAGES = 3


def board_of(contest: ContestView, asked: str, who: Actor | None, size: int) -> tuple[StandingsPage, str]:
    """The standings, or the part of them that was asked for; and which part is shown."""
    try:
        only = only_accounts(contest.id, asked, who)
    except DomainError:
        only, asked = None, ""
    return selectors.standings_page(contest.id, size=size, only=only), asked if only is not None else ""


def page_parts(contest: ContestView, who: Actor | None, place: ParticipantView | None, code: str) -> dict[str, Any]:
    """The context of the parts under templates/contests/parts and templates/contests/social."""
    user_id = None if who is None else who.user_id
    may_enter = user_id is not None and place is None and contest.takes_entries
    full = contest.takes_entries and place is None and is_full(contest.id, user_id)
    is_own = place is not None and place.user_id == user_id
    resets = int(contest.constraints.get("resets") or 0)
    has_teams = contest.admission.team_size > 1
    return {
        "place": place,
        "team": team_of(place.id) if place is not None and has_teams else None,
        "team_needs": has_teams and may_enter,
        "is_captain": is_own,
        "queue": waiting_of(contest.id, user_id) if may_enter else None,
        "is_full": full,
        "can_join": may_enter and not full,
        "waiting_count": waiting_count(contest.id) if full else 0,
        "resets_left": max(resets - place.resets, 0) if place is not None and is_own else 0,
        "board_tabs": [tab for tab in TABS if tab["code"] != "friends" or user_id],
        "board_countries": countries(contest.id),
        "broadcasts": broadcasts_query(contest.id)[:LATEST_MESSAGES],
        "may_certify": place is not None and is_own and contest.is_over and bool(place.final_rank),
        **social_context(contest, who, code),
    }


@require_GET
@page
def contest_moves(request: HttpRequest, slug: str) -> HttpResponse:
    """How ranks move, and agents against people: a part of the contest's page that is asked for after it."""
    contest = contest_open(request, slug, request.GET.get("code", "").strip())
    up, down = movers(contest.id) if contest.is_live else ([], [])
    context = {"contest": contest, "movers_up": up, "movers_down": down,
               "sides": sides(contest.id, contest.initial_balance_minor)}  # fmt: skip
    return render(request, "contests/parts/_moves.html", context)
