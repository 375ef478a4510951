"""Pages of contests: the list, a new one, and joining."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from contests import selectors
from contests.domain.states import JOINABLE, ContestStatus
from contests.forms import ContestForm
from contests.models import Contest
from contests.services.contests import contest_create
from contests.services.joins import contest_join
from core.clock import SystemClock
from core.errors import DomainError
from core.money import to_major
from marketdata import selectors as market_selectors
from trading.pages import actor, mapped, page, paginated, viewer

CARDS = 12
FILTERS = (
    {"code": "", "label": "All"},
    {"code": "active", "label": "Running"},
    {"code": "scheduled", "label": "Scheduled"},
    {"code": "paused", "label": "Paused"},
    {"code": "ended", "label": "Ended"},
    {"code": "cancelled", "label": "Cancelled"},
)


@require_GET
def contest_list(request: HttpRequest) -> HttpResponse:
    """The contests that the viewer may see, newest first, with their progress."""
    who = viewer(request)
    status = request.GET.get("status", "")
    status = status if status in set(ContestStatus) else ""
    rows = selectors.contests_query(who, [status] if status else [])
    mine = {place.contest_id for place in selectors.participants_of_user(who.user_id)} if who and who.user_id else set()

    def card(row: Contest) -> dict[str, Any]:
        contest = selectors.view_of(row)
        joined = contest.id in mine
        return {
            "contest": contest,
            "market": market_selectors.view_of(row.market),
            "joined": joined,
            "can_join": who is not None and not joined and contest.status in JOINABLE,
        }

    context = {"page": mapped(paginated(request, rows, CARDS), card), "filters": FILTERS, "status": status}
    return render(request, "contests/list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def contest_new(request: HttpRequest) -> HttpResponse:
    """The operator's form for a new contest: created and scheduled in one step."""
    if not request.user.is_staff:
        raise PermissionDenied
    form = ContestForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            contest = contest_create(actor=actor(request), spec=form.spec(now=SystemClock().now()), schedule=True)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, f"{contest.name} is scheduled.")
            return redirect("contest", slug=contest.slug)
    status = 422 if form.is_bound else 200
    return render(request, "contests/new.html", {"form": form, "wide_fields": form.wide_fields}, status=status)


@login_required
@require_POST
@page
def contest_enter(request: HttpRequest, slug: str) -> HttpResponse:
    """Join a contest, then show it."""
    who = actor(request)
    code = request.POST.get("invite_code", "")
    contest = selectors.contest_get(slug, who, invite_code=code)
    try:
        contest_join(actor=who, contest_id=contest.id, invite_code=code)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        balance = f"{to_major(contest.initial_balance_minor, contest.currency):,}"
        messages.success(request, f"You are in, with {balance} {contest.currency}.")
    return redirect("contest", slug=slug)
