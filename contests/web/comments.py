"""Pages of a contest's chat, and the moderators' page of reported messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from contests import selectors
from contests.domain.comments import MUTE_HOURS
from contests.models import Comment
from contests.selectors import ContestView
from contests.selectors.comments import mute_view, mutes_query, reported_query, reported_view
from contests.services import comments
from contests.web.social import chat_context, code_of, code_query, contest_seen, cursor_of, is_partial
from core.errors import DomainError, Invalid
from core.pages import page, paginated
from trading.domain.types import Actor
from trading.pages import actor, mapped, viewer

QUEUE = 25
MUTES_SHOWN = 50
REPORTED = "Thank you. A moderator will look at it."
REMOVED = "Your message is removed."


@require_http_methods(["GET", "POST"])
@page
def chat(request: HttpRequest, slug: str) -> HttpResponse:
    """The chat: messages (a part of a page for htmx), and writing one."""
    who = viewer(request)
    contest = contest_seen(request, slug)
    if request.method == "POST":
        return _write(request, contest)
    context = chat_context(contest, who, code=code_of(request), before=cursor_of(request, "before"))
    if is_partial(request):
        return render(request, "contests/social/_messages.html", context)
    return render(request, "contests/social/chat.html", context)


@login_required
def _write(request: HttpRequest, contest: ContestView) -> HttpResponse:
    who = actor(request)
    body, refusal = request.POST.get("body", ""), None
    try:
        comments.comment_write(actor=who, contest_id=contest.id, body=body)
    except DomainError as error:
        refusal = error
    if not is_partial(request):
        if refusal is not None:
            messages.error(request, refusal.message)
        return _back(request, contest)
    context = chat_context(contest, who, code=code_of(request), with_rows=False)
    context |= {"refusal": refusal, "body": body[:600] if refusal is not None else ""}
    answer = render(request, "contests/social/_write.html", context, status=200 if refusal is None else refusal.status)
    if refusal is None:
        answer.headers["HX-Trigger"] = "comments-changed"
    return answer


@login_required
@require_POST
@page
def chat_report(request: HttpRequest, slug: str, comment_id: int) -> HttpResponse:
    """Ask the moderators to look at a message."""
    reason = request.POST.get("reason", "")

    def act(who: Actor, contest: ContestView) -> None:
        comments.comment_report(actor=who, contest_id=contest.id, comment_id=comment_id, reason=reason)

    return _act(request, slug, act, REPORTED)


@login_required
@require_POST
@page
def chat_remove(request: HttpRequest, slug: str, comment_id: int) -> HttpResponse:
    """Take back a message of one's own."""

    def act(who: Actor, contest: ContestView) -> None:
        comments.comment_remove(actor=who, contest_id=contest.id, comment_id=comment_id)

    return _act(request, slug, act, REMOVED)


def _act(request: HttpRequest, slug: str, act: Callable[[Actor, ContestView], None], done: str) -> HttpResponse:
    """Do something to a message, then show the chat again with what came of it."""
    who = actor(request)
    contest = contest_seen(request, slug)
    notice, refusal = done, None
    try:
        act(who, contest)
    except DomainError as error:
        if error.status == 404:
            raise
        notice, refusal = "", error
    if not is_partial(request):
        if refusal is not None:
            messages.error(request, refusal.message)
        else:
            messages.success(request, done)
        return _back(request, contest)
    context = chat_context(contest, who, code=code_of(request)) | {"notice": notice, "refusal": refusal}
    return render(request, "contests/social/_messages.html", context, status=200 if refusal is None else refusal.status)


def _back(request: HttpRequest, contest: ContestView) -> HttpResponse:
    return redirect(f"{reverse('contest-chat', args=[contest.slug])}{code_query(code_of(request))}")


@login_required
@require_GET
def moderation(request: HttpRequest) -> HttpResponse:
    """Reported messages, the most reported first; with `?state=hidden` the hidden ones. And who is muted."""
    _moderator(request)
    is_hidden = request.GET.get("state") == "hidden"
    rows = mapped(paginated(request, reported_query(hidden=is_hidden), QUEUE), reported_view)
    mutes = [
        {"mute": mute_view(row), "slug": row.contest.slug, "contest": row.contest.name}
        for row in mutes_query().select_related("contest")[:MUTES_SHOWN]
    ]
    context = {"page": rows, "is_hidden": is_hidden, "mutes": mutes, "mute_hours": MUTE_HOURS}
    return render(request, "contests/social/moderation.html", context)


def _moderator(request: HttpRequest) -> Actor:
    who = actor(request)
    if not who.is_staff:
        raise PermissionDenied
    return who


@login_required
@require_POST
@page
def moderate(request: HttpRequest, comment_id: int, verb: str) -> HttpResponse:
    """A moderator's act on a message: hide, show again, keep, or mute its author in its contest."""
    who = _moderator(request)
    reason = request.POST.get("reason", "")
    acts: dict[str, tuple[Callable[[], Any], str]] = {
        "hide": (lambda: comments.comment_hide(actor=who, comment_id=comment_id, reason=reason), "Hidden."),
        "unhide": (lambda: comments.comment_unhide(actor=who, comment_id=comment_id, reason=reason), "Shown again."),
        "keep": (lambda: comments.comment_keep(actor=who, comment_id=comment_id), "Left as it is."),
        "mute": (lambda: _mute(who, comment_id, request.POST.get("hours", ""), reason), "Muted."),
    }
    if verb not in acts:
        raise Http404
    act, done = acts[verb]
    return _moderated(request, act, done)


@login_required
@require_POST
@page
def unmute(request: HttpRequest, slug: str, user_id: int) -> HttpResponse:
    """Let somebody write again in a contest."""
    who = _moderator(request)
    contest = selectors.contest_get(slug, who)

    def act() -> None:
        comments.mute_lift(actor=who, contest_id=contest.id, user_id=user_id, reason=request.POST.get("reason", ""))

    return _moderated(request, act, "They may write again.")


def _mute(who: Actor, comment_id: int, hours: str, reason: str) -> None:
    row = Comment.objects.filter(pk=comment_id).first()
    if row is None:
        raise Http404
    if hours not in {str(choice) for choice in MUTE_HOURS}:
        raise Invalid("invalid_comment", "Say for how long.", {"field": "hours"})
    until = datetime.now(tz=UTC) + timedelta(hours=int(hours)) if int(hours) else None
    comments.mute_set(actor=who, contest_id=row.contest_id, user_id=row.author_id, until=until, reason=reason)


def _moderated(request: HttpRequest, act: Callable[[], Any], done: str) -> HttpResponse:
    """Do it, say what came of it, and go back to where the moderator was."""
    try:
        act()
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if safe else reverse("moderation-comments"))
