"""What somebody does about their place in a contest: wait for one, be in a team, begin anew, show where they came."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.clients import client_of
from accounts.services.regions import client_region_require
from contests import selectors
from contests.adapters.certificate_pdf import certificate_pdf
from contests.selectors.certificates import certificate_by_code
from contests.services.certificates import certificate_issue
from contests.services.resets import contest_reset
from contests.services.teams import team_join, team_leave, team_rename
from contests.services.waiting import waiting_join, waiting_leave
from contests.web.pages import contest_open
from core.errors import DomainError
from core.pages import page
from core.throttling import limit_attempts
from trading.pages import actor


def _acted(request: HttpRequest, slug: str, act: Callable[[], str]) -> HttpResponse:
    """Do it, say how it went, and show the contest again."""
    code = request.POST.get("invite_code", "").strip()[:64]
    try:
        messages.success(request, act())
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
    query = f"?{urlencode({'code': code})}" if code else ""
    return redirect(f"{reverse('contest', args=[slug])}{query}")


@login_required
@require_POST
@page
def contest_wait(request: HttpRequest, slug: str) -> HttpResponse:
    """Wait for a place in a full contest."""
    code = request.POST.get("invite_code", "").strip()
    contest = contest_open(request, slug, code)

    def act() -> str:
        client_region_require(client_of(request))
        place = waiting_join(actor=actor(request), contest_id=contest.id, invite_code=code)
        return f"You are number {place} of those who wait. We tell you as soon as a place gets free."

    return _acted(request, slug, act)


@login_required
@require_POST
@page
def contest_wait_end(request: HttpRequest, slug: str) -> HttpResponse:
    """Wait no more."""
    contest = contest_open(request, slug, request.POST.get("invite_code", "").strip())

    def act() -> str:
        waiting_leave(actor=actor(request), contest_id=contest.id)
        return "You wait no more."

    return _acted(request, slug, act)


@login_required
@require_POST
@page
def contest_team(request: HttpRequest, slug: str, verb: str) -> HttpResponse:
    """Join a team by its code, leave it, take somebody out of it, or name it."""
    who = actor(request)
    contest = selectors.contest_by_slug(slug)
    if contest is None or contest.status == "draft":
        contest = contest_open(request, slug, "")

    def act() -> str:
        if verb == "join":
            limit_attempts(request)
            client_region_require(client_of(request))
            team_join(actor=who, contest_id=contest.id, team_code=request.POST.get("team_code", ""))
            return "You are in the team, and trade its account with the others."
        if verb == "rename":
            team_rename(actor=who, contest_id=contest.id, name=request.POST.get("name", ""))
            return "The team has its name, and a new code to join by."
        chosen = request.POST.get("user", "")
        user_id = int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 18 else None
        team_leave(actor=who, contest_id=contest.id, user_id=user_id)
        return "Done: who is out of the team trades its account no more."

    return _acted(request, slug, act)


@login_required
@require_POST
@page
def contest_anew(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin anew with the starting balance; asked about first."""
    contest = selectors.contest_get(slug, actor(request))

    def act() -> str:
        if request.POST.get("confirm") != "yes":
            raise DomainError("confirm_first", "Tick the box to confirm, then begin anew.", status=422)
        contest_reset(actor=actor(request), contest_id=contest.id)
        return "You begin anew, with the starting balance. What you traded before counts no more."

    return _acted(request, slug, act)


@login_required
@require_POST
@page
def contest_certificate(request: HttpRequest, slug: str) -> HttpResponse:
    """One's certificate of a contest that has ended."""
    contest = selectors.contest_get(slug, actor(request))
    try:
        return redirect("certificate", code=certificate_issue(actor=actor(request), contest_id=contest.id))
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
        return redirect("contest", slug=slug)


@require_GET
@page
def certificate(request: HttpRequest, code: str) -> HttpResponse:
    """A certificate, for anyone who has its address."""
    found = certificate_by_code(code)
    return render(request, "contests/certificate.html", {"certificate": found, "address": request.build_absolute_uri()})


@require_GET
@page
def certificate_file(request: HttpRequest, code: str) -> HttpResponse:
    """The certificate as PDF."""
    found = certificate_by_code(code)
    where = request.build_absolute_uri(reverse("certificate", args=[found.code]))
    headers = {"Content-Disposition": f'attachment; filename="certificate-{found.code}.pdf"'}
    return HttpResponse(certificate_pdf(found, where), content_type="application/pdf", headers=headers)
