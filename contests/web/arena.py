"""The replay arena: contests of one's own on history that one does not know, and the public runs of the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.clients import client_of
from accounts.services.regions import client_region_require
from contests.selectors.templates import ArenaView, TemplateView, arena_view
from contests.services.arena import arena_start
from core.clock import SystemClock
from core.errors import DomainError
from core.throttling import limit
from trading.pages import actor, viewer


@require_GET
def arena(request: HttpRequest) -> HttpResponse:
    """The templates, the public run of each that comes next, what runs now, and the viewer's own."""
    who = viewer(request)
    found = arena_view(user_id=None if who is None else who.user_id, at=SystemClock().now())
    context = {
        "arena": found,
        "cards": [_card(found, one) for one in found.templates],
        "invite": "" if found.mine is None else _invitation(request, found.mine.slug, found.mine.invite_code),
    }
    return render(request, "contests/arena/arena.html", context)


def _card(found: ArenaView, template: TemplateView) -> dict[str, Any]:
    """What a card says. Nothing of the stretch itself: that would be the answer."""
    market = template.market
    return {
        "template": template,
        "symbols": len(market["symbols"]),
        "is_masked": bool(market.get("mask")),
        "next": found.upcoming.get(template.id),
        "may_start": found.mine is None and found.starts_left > 0,
    }


@login_required
@require_POST
def arena_begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Start a contest of one's own, and go there."""
    who = actor(request)
    try:
        limit("uploads", f"arena:{who.user_id}")
        client_region_require(client_of(request))
        run = arena_start(actor=who, template_slug=slug)
    except DomainError as error:
        messages.error(request, error.message)
        url = str(error.details.get("url", ""))
        if not url or error.code == "arena_running":
            return redirect(url or "contest-arena")
        return redirect(f"{url}?{urlencode({'next': reverse('contest-arena')})}")
    messages.success(
        request, "It starts in a minute, and you are in. The link to invite others is in the replay arena."
    )
    return redirect("contest", slug=run.contest.slug)


def _invitation(request: HttpRequest, slug: str, code: str) -> str:
    return request.build_absolute_uri(f"{reverse('contest', args=[slug])}?{urlencode({'code': code})}")
