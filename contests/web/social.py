"""What people of a contest do with each other, on pages: the parts of the contest's page, trades, following, cards."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from contests.adapters.share_card import card_png
from contests.domain.comments import MAX_LENGTH, MAX_REASON, MUTE_HOURS
from contests.models import Contest
from contests.selectors import ContestView
from contests.selectors.cards import share_card
from contests.selectors.comments import CommentsPage, comments_page, write_refusal
from contests.selectors.feed import followed_feed, trade_feed
from contests.selectors.follows import (
    followed_ids,
    followers_count,
    following_query,
    following_view,
    is_following,
    trader_get,
)
from contests.services import follows
from contests.web.pages import contest_open
from core.errors import DomainError, NotFound
from core.pages import page, paginated
from core.throttling import address, limit
from trading.domain.types import Actor
from trading.pages import actor, mapped, viewer

LATEST_COMMENTS = 15
LATEST_TRADES = 12
FOLLOWED = 50
CARD_SECONDS = 60
LAST_ID = 2**63 - 1
EMBED_SIZE = 'width="100%" height="520"'


def code_of(request: HttpRequest) -> str:
    """The invite code that came with a request."""
    return (request.POST.get("code") or request.GET.get("code") or "").strip()[:64]


def code_query(code: str) -> str:
    """The invite code for an address; empty without one."""
    return f"?{urlencode({'code': code})}" if code else ""


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks, for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def contest_seen(request: HttpRequest, slug: str) -> ContestView:
    """The contest if the viewer may see it, with the request's invite code too. Raises NotFound, also for guessing."""
    try:
        return contest_open(request, slug, code_of(request))
    except DomainError as error:
        raise NotFound(error.code, error.message) from error


def cursor_of(request: HttpRequest, name: str) -> int | None:
    """A cursor of the query string; None where there is none, or where it makes no sense."""
    text = request.GET.get(name, "")
    return min(int(text), LAST_ID) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def social_context(contest: ContestView, who: Actor | None, code: str = "") -> dict[str, Any]:
    """What `contests/social/_chat.html`, `_feed.html` and `_share.html` need on the page of a contest.

    `code`: the invite code with which the page was opened.
    """
    return {
        **chat_context(contest, who, code=code, size=LATEST_COMMENTS),
        "feed": trade_feed(contest.id, who, size=LATEST_TRADES),
        **share_context(contest, code),
    }


def chat_context(
    contest: ContestView,
    who: Actor | None,
    *,
    code: str = "",
    before: int | None = None,
    size: int | None = None,
    with_rows: bool = True,
) -> dict[str, Any]:
    """The chat: whether there is one, what was said, and why one may not write."""
    user_id = None if who is None else who.user_id
    refusal = write_refusal(Contest.objects.get(pk=contest.id), user_id)
    rows = CommentsPage((), None)
    if with_rows and contest.sharing.comments:
        rows = comments_page(contest.id, before=before, **({} if size is None else {"size": size}))
    return {
        "contest": contest,
        "comments": rows,
        "before": before,
        "has_chat": contest.sharing.comments,
        "write_refusal": refusal,
        "can_write": refusal is None,
        "viewer_id": user_id,
        "is_moderator": who is not None and who.is_staff,
        "code": code,
        "code_query": code_query(code),
        "max_length": MAX_LENGTH,
        "max_reason": MAX_REASON,
        "mute_hours": MUTE_HOURS,
    }


def share_context(contest: ContestView, code: str = "") -> dict[str, Any]:
    """Addresses to share a contest by, and what embeds its leaderboard; only a public one has those."""
    is_public = contest.visibility == "public" and contest.status != "draft"
    card = f"{settings.SITE_URL}{reverse('contest-card', args=[contest.slug])}"
    embed = f"{settings.SITE_URL}{reverse('contest-embed', args=[contest.slug])}"
    snippet = f'<iframe src="{embed}?theme=light" title="Leaderboard" {EMBED_SIZE} loading="lazy"></iframe>'
    return {
        "is_shared": is_public,
        "share_url": f"{settings.SITE_URL}{reverse('contest', args=[contest.slug])}",
        "card_url": f"{card}{code_query(code)}",
        "embed_url": embed,
        "embed_snippet": snippet,
    }


@require_GET
@page
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    """The trades of a contest that the viewer may see; a part of a page for htmx."""
    code = code_of(request)
    contest = contest_seen(request, slug)
    after = cursor_of(request, "after")
    size = LATEST_TRADES if request.GET.get("short") == "1" else 40
    found = trade_feed(contest.id, viewer(request), after, size)
    context = {"contest": contest, "feed": found, "after": after, "code": code, "code_query": code_query(code)}
    template = "_trades" if is_partial(request) else "feed"
    return render(request, f"contests/social/{template}.html", context)


@login_required
@require_GET
def following(request: HttpRequest) -> HttpResponse:
    """Whom the viewer follows, and what those traded."""
    mine = actor(request).user_id or 0
    after = cursor_of(request, "after")
    context = {
        "page": mapped(paginated(request, following_query(mine), FOLLOWED), following_view),
        "feed": followed_feed(mine, after, 40),
        "after": after,
        "is_across": True,
    }
    return render(request, "contests/social/following.html", context)


@require_http_methods(["GET", "POST"])
@page
def trader_follow(request: HttpRequest, user_id: int) -> HttpResponse:
    """The button to follow somebody, or to follow them no longer; and its act (`act` follow or unfollow)."""
    if request.method == "POST":
        return _follow(request, user_id)
    return render(request, "contests/social/_follow.html", _follow_context(viewer(request), user_id))


@login_required
def _follow(request: HttpRequest, user_id: int) -> HttpResponse:
    who = actor(request)
    act = follows.unfollow if request.POST.get("act") == "unfollow" else follows.follow
    refusal: DomainError | None = None
    try:
        act(actor=who, user_id=user_id)
    except NotFound:
        raise
    except DomainError as error:
        refusal = error
    if not is_partial(request):
        if refusal is not None:
            messages.error(request, refusal.message)
        back = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
        return redirect(back if safe else reverse("following"))
    context = _follow_context(who, user_id) | {"refusal": refusal}
    return render(request, "contests/social/_follow.html", context, status=200 if refusal is None else refusal.status)


def _follow_context(who: Actor | None, user_id: int) -> dict[str, Any]:
    """Raises NotFound for who may not be followed, but to those who follow them already."""
    mine = who.user_id if who is not None else None
    is_followed = mine is not None and is_following(mine, user_id)
    trader = trader_get(user_id)
    if trader is None and not is_followed:
        raise NotFound("trader_not_found", "There is no trader here whom you could follow.")
    return {
        "trader_id": user_id,
        "trader_name": trader.name if trader is not None else "",
        "is_followed": is_followed,
        "is_self": mine == user_id,
        "followers": followers_count(user_id),
        "viewer_id": mine,
    }


def followed_context(who: Actor | None) -> dict[str, Any]:
    """`followed_ids`: whom the viewer follows, for a leaderboard's filter; empty for a visitor."""
    user_id = who.user_id if who is not None else None
    return {"followed_ids": followed_ids(user_id) if user_id is not None else frozenset()}


@require_safe
@page
def card(request: HttpRequest, slug: str) -> HttpResponse:
    """A picture of the first three, or of the participant of `?account=`; private ones with their code."""
    contest = contest_seen(request, slug)
    account = cursor_of(request, "account")
    if account is None and "account" in request.GET:
        raise NotFound("not_in_contest", "Nobody of that account is in this contest.")
    try:
        limit("anon", f"card:{address(request)}")
    except DomainError as error:
        return HttpResponse(error.message, status=error.status, content_type="text/plain; charset=utf-8")
    found = share_card(contest, account)
    etag = f'"{sha256(repr(found).encode()).hexdigest()[:32]}"'
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        answer = HttpResponse(card_png(found), content_type="image/png")
    scope = "public" if contest.visibility == "public" and contest.status != "draft" else "private"
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = f"{scope}, max-age={CARD_SECONDS}"
    # Elsewhere is where it is meant to be shown.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
