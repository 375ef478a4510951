"""Watching a contest again, once it is over."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from contests import selectors
from contests.web.pages import contest_open, invite_page
from core.errors import DomainError, NotFound
from trading.pages import market_context, viewer

FINAL_ROWS = 20


@require_GET
def contest_rewatch(request: HttpRequest, slug: str) -> HttpResponse:
    """The course of a contest on a slider; its data comes from the API. One that is not over leads to its page."""
    code = request.GET.get("code", "").strip()[:64]
    try:
        contest = contest_open(request, slug, code)
    except NotFound:
        return invite_page(request, slug, code)
    except DomainError as error:
        return invite_page(request, slug, code, error)
    if not contest.is_over:
        messages.info(request, "A contest can be watched again once it is over.")
        return redirect("contest", slug=slug)
    who = viewer(request)
    place = selectors.participant_get(contest.id, who.user_id) if who is not None else None
    rows = selectors.standings_page(contest.id, size=FINAL_ROWS, sparklines=False).rows
    context = {
        **market_context(contest.market_id),
        "contest": contest,
        "invite_code": code,
        "me": None if place is None else place.account_id,
        "rows": rows,
        "chosen": place.account_id if place is not None else rows[0].account_id if rows else "",
        "timeline": f"/api/v1/contests/{contest.slug}/timeline",
    }
    return render(request, "contests/arena/rewatch.html", context)
