"""A leaderboard for pages of other sites: no cookies, nothing to click but a way here, the same for everyone."""

from __future__ import annotations

from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from contests import selectors
from contests.selectors.cards import price_labels, status_words
from core.errors import NotFound
from core.pages import page

ROWS = 10
SECONDS = 30
KEPT_SECONDS = 15
THEMES = ("light", "dark")


@require_safe
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})  # type: ignore[arg-type]
@page
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    """The first ten of a public contest, anew every 30 seconds; `?theme=` light or dark."""
    contest = selectors.contest_get(slug)
    if contest.visibility != "public":
        raise NotFound("contest_not_found", "There is no such contest.")
    board = selectors.standings_page(contest.id, size=ROWS)
    theme = request.GET.get("theme", "")
    theme = theme if theme in THEMES else "dark"
    context = {
        "contest": contest,
        "rows": board.rows,
        "total": board.total,
        "currency": contest.currency,
        "initial": contest.initial_balance_minor,
        "labels": price_labels(contest),
        "status": status_words(contest, is_final=board.is_final),
        "theme": theme,
        "seconds": 0 if contest.is_over or contest.status == "cancelled" else SECONDS,
        "here": f"{reverse('contest-embed', args=[contest.slug])}?theme={theme}",
        "contest_url": f"{settings.SITE_URL}{reverse('contest', args=[contest.slug])}",
    }
    # Without the request: nothing of the visitor's is asked, so that it is the same for everyone and sets no cookie.
    answer = HttpResponse(render_to_string("contests/social/embed.html", context))
    answer.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
