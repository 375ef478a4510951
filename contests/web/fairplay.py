"""Fair play: the moderators' queue, one finding, appeals; and what a person sees of it about themself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from contests import selectors
from contests.domain.fairplay_words import KINDS, SANCTIONS, STATUSES
from contests.selectors import fairplay as reads
from contests.services.fairplay import finding_dismiss, finding_uphold
from contests.services.sanctions import MOST_BODY, MOST_REASON, appeal_answer, appeal_make, sanction_decide
from core.errors import DomainError, NotFound
from core.pages import page, paginated
from trading.pages import actor, mapped

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
QUEUE_SIZE = 25
LIMITS = {"most_reason": MOST_REASON, "most_body": MOST_BODY}


def moderator(view: View[P]) -> View[P]:
    """For moderators and administrators who have signed in; 403 for others."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not actor(request).is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return login_required(wrapped)


def _done(request: HttpRequest, act: Callable[..., Any], words: str, **values: Any) -> bool:
    """Do it and say so, or say why not. What is not there is the 404 page."""
    try:
        act(actor=actor(request), **values)
    except DomainError as error:
        if isinstance(error, NotFound):
            raise
        messages.error(request, error.message)
        return False
    messages.success(request, words)
    return True


@require_GET
@moderator
def queue(request: HttpRequest) -> HttpResponse:
    """Findings, the strongest first, by contest, kind and status; open ones unless asked otherwise."""
    asked = {name: request.GET.get(name, "")[:80] for name in ("contest", "kind")}
    status = request.GET.get("status", "open")
    rows = reads.findings_query(**asked, status=status)
    context = {
        "page": mapped(paginated(request, rows, QUEUE_SIZE), reads.finding_view),
        "kinds": KINDS,
        "statuses": STATUSES,
        "contests": reads.contests_with_findings(),
        "asked": {**asked, "status": status if status in STATUSES else "all"},
        "appeals": reads.appeals_query(status="open").count(),
    }
    return render(request, "contests/fairplay/queue.html", context)


@require_GET
@moderator
@page
def finding(request: HttpRequest, finding_id: int) -> HttpResponse:
    """One finding: its evidence, what else there is about those it names, and the decision."""
    found = reads.finding_get(finding_id)
    people = [one for one in (found.participant, found.other) if one is not None and one.kind == "person"]
    context = {
        "finding": found,
        "people": people,
        "others": [one for one in people if one.participant_id != found.participant.participant_id],
        "related": reads.findings_related(found),
        "sanctions": reads.sanctions_of(one.participant_id for one in people),
        "choices": SANCTIONS,
        **LIMITS,
    }
    return render(request, "contests/fairplay/finding.html", context)


@require_POST
@moderator
@page
def uphold(request: HttpRequest, finding_id: int) -> HttpResponse:
    """Uphold a finding with a sanction."""
    values = {name: request.POST.get(name, "") for name in ("kind", "reason")}
    _done(
        request, finding_uphold, "Upheld. Those concerned have been told.", finding_id=finding_id,
        whom=request.POST.get("whom", "participant"), **values,
    )  # fmt: skip
    return redirect("fairplay-finding", finding_id)


@require_POST
@moderator
@page
def dismiss(request: HttpRequest, finding_id: int) -> HttpResponse:
    """Dismiss a finding."""
    note = request.POST.get("note", "")
    _done(request, finding_dismiss, "Dismissed.", finding_id=finding_id, note=note)
    return redirect("fairplay-finding", finding_id)


@require_POST
@moderator
@page
def decide(request: HttpRequest, participant_id: int) -> HttpResponse:
    """Sanction or reinstate a participant; back to the finding that it was done from, else to the queue."""
    values = {name: request.POST.get(name, "") for name in ("kind", "reason")}
    _done(request, sanction_decide, "Done. They have been told.", participant_id=participant_id, **values)
    back = request.POST.get("finding", "")
    return redirect("fairplay-finding", int(back)) if back.isdecimal() and len(back) < 12 else redirect("fairplay")


@require_GET
@moderator
def appeals(request: HttpRequest) -> HttpResponse:
    """Appeals that wait, the oldest first; answered ones too when asked for."""
    status = request.GET.get("status", "open")
    rows = reads.appeals_query(status=status)
    me = actor(request).user_id
    context = {
        "page": mapped(paginated(request, rows, QUEUE_SIZE), reads.appeal_view),
        "status": status,
        "statuses": ("open", "granted", "refused"),
        "me": me,
        **LIMITS,
    }
    return render(request, "contests/fairplay/appeals.html", context)


@require_POST
@moderator
@page
def answer(request: HttpRequest, appeal_id: int) -> HttpResponse:
    """Grant or refuse an appeal."""
    outcome = request.POST.get("outcome", "")
    if outcome not in ("granted", "refused"):
        messages.error(request, "Say whether the appeal is granted.")
        return redirect("fairplay-appeals")
    words = "Granted. They are reinstated." if outcome == "granted" else "Refused. They have been told."
    _done(
        request, appeal_answer, words, appeal_id=appeal_id, is_granted=outcome == "granted",
        answer=request.POST.get("answer", ""),
    )  # fmt: skip
    return redirect("fairplay-appeals")


@require_GET
@login_required
@page
def mine(request: HttpRequest, slug: str) -> HttpResponse:
    """What moderators have decided about the viewer in a contest, and appealing."""
    who = actor(request)
    contest = selectors.contest_get(slug, who)
    sanctions = reads.sanctions_about(contest.id, who.user_id)
    return render(request, "contests/fairplay/mine.html", {"contest": contest, "sanctions": sanctions, **LIMITS})


@require_POST
@login_required
@page
def appeal(request: HttpRequest, slug: str, sanction_id: int) -> HttpResponse:
    """Appeal against a decision about oneself."""
    contest = selectors.contest_get(slug, actor(request))
    words = "Your appeal is in. Another moderator than the one who decided will answer."
    _done(request, appeal_make, words, sanction_id=sanction_id, body=request.POST.get("body", ""))
    return redirect("fairplay-mine", contest.slug)


urlpatterns = [
    path("moderation/fair-play", queue, name="fairplay"),
    path("moderation/fair-play/appeals", appeals, name="fairplay-appeals"),
    path("moderation/fair-play/appeals/<int:appeal_id>", answer, name="fairplay-answer"),
    path("moderation/fair-play/<int:finding_id>", finding, name="fairplay-finding"),
    path("moderation/fair-play/<int:finding_id>/uphold", uphold, name="fairplay-uphold"),
    path("moderation/fair-play/<int:finding_id>/dismiss", dismiss, name="fairplay-dismiss"),
    path("moderation/participants/<int:participant_id>/sanction", decide, name="fairplay-decide"),
    path("contests/<slug:slug>/fair-play", mine, name="fairplay-mine"),
    path("contests/<slug:slug>/fair-play/<int:sanction_id>/appeal", appeal, name="fairplay-appeal"),
]
