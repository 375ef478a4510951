"""Pages of contests: the list, a new one, and joining."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.clients import client_of
from accounts.services.regions import client_region_require
from contests import selectors
from contests.domain.definition import ContestSpec
from contests.domain.prize_words import amount_words, percent_words, places_words, prize_words
from contests.domain.scoring import WORDS
from contests.domain.states import ContestStatus
from contests.forms import ContestForm
from contests.models import Contest
from contests.selectors import ContestView
from contests.selectors.standings import board_rows, standings_first
from contests.services.contests import contest_create
from contests.services.drafting import Preview, contest_preview
from contests.services.entries import contest_withdraw
from contests.services.joins import contest_join
from core.clock import SystemClock
from core.csv_cells import safe_cell
from core.errors import DomainError, NotFound
from core.money import major_text, to_major
from core.pages import page, paginated
from core.throttling import address, limit, limit_attempts
from marketdata import selectors as market_selectors
from trading.pages import actor, mapped, viewer

CARDS = 12
MINE = "mine"
CSV_ROWS = 5_000
WRONG_CODE = "No private contest here answers to that code. Check the code and the address you were given."
FILTERS = (
    {"code": "", "label": "All"},
    {"code": "active", "label": "Running"},
    {"code": "scheduled", "label": "Scheduled"},
    {"code": "paused", "label": "Paused"},
    {"code": "ended", "label": "Ended"},
    {"code": "settled", "label": "Settled"},
    {"code": "cancelled", "label": "Cancelled"},
)


@require_GET
def contest_list(request: HttpRequest) -> HttpResponse:
    """The contests that the viewer may see, those that run first, with their progress."""
    who = viewer(request)
    status = request.GET.get("status", "")
    mine = {place.contest_id for place in selectors.participants_of_user(who.user_id)} if who and who.user_id else set()
    status = status if status in {*ContestStatus, *([MINE] if mine else [])} else ""
    rows = selectors.running_first(selectors.contests_query(who, [status] if status not in ("", MINE) else []))
    if status == MINE:
        rows = rows.filter(pk__in=mine)

    def card(row: Contest) -> dict[str, Any]:
        contest = selectors.view_of(row)
        joined = contest.id in mine
        return {
            "contest": contest,
            "market": market_selectors.view_of(row.market),
            "joined": joined,
            "can_join": who is not None and not joined and contest.takes_entries and not contest.is_full,
            **stake_words(contest),
        }

    context = {"page": mapped(paginated(request, rows, CARDS), card), "status": status,
               "filters": [*FILTERS, *([{"code": MINE, "label": "Yours"}] if mine else [])]}  # fmt: skip
    return render(request, "contests/list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def contest_new(request: HttpRequest) -> HttpResponse:
    """The operator's form for a new contest: looked at as a dry run first, then kept as a draft or scheduled."""
    if not actor(request).is_staff:
        raise PermissionDenied
    form = ContestForm(request.POST or None)
    preview: Preview | None = None
    if request.method == "POST" and form.is_valid():
        try:
            spec = form.spec(now=SystemClock().now())
            if request.POST.get("step") == "preview":
                preview = contest_preview(actor=actor(request), spec=spec)
            else:
                return _made(request, spec, schedule=request.POST.get("step") != "draft")
        except DomainError as error:
            form.refuse(error)
    context: dict[str, Any] = {"form": form, "wide_fields": form.wide_fields, "preview": preview}
    if preview is not None:
        context |= {**stake_words(preview.contest), **rules_context(preview.contest), "contest": preview.contest}
        context |= {"symbols": preview.symbols, "currency": preview.contest.currency}
    status = 422 if form.is_bound and preview is None else 200
    return render(request, "contests/new.html", context, status=status)


def _made(request: HttpRequest, spec: ContestSpec, *, schedule: bool) -> HttpResponse:
    contest = contest_create(actor=actor(request), spec=spec, schedule=schedule)
    if not schedule:
        messages.success(request, f"{contest.name} is a draft, which only operators see.")
        return redirect("contest-desk", slug=contest.slug)
    messages.success(request, f"{contest.name} is scheduled.{_invitation(request, spec)}")
    return redirect("contest", slug=contest.slug)


def rules_context(contest: ContestView) -> dict[str, Any]:
    """What the rules of a contest need beside the contest itself: prizes and shares in words, what ranks."""
    stakes = contest.stakes
    found: dict[str, Any] = {
        "initial": contest.initial_balance_minor,
        "scoring_words": WORDS[contest.scoring],
        "prizes": [
            {"places": places_words(prize.first, prize.last), "what": prize_words(prize, stakes.currency)}
            for prize in stakes.prizes
        ],
    }
    if stakes.house_bp:
        found["house_share"] = percent_words(stakes.house_bp)
    return found


def _invitation(request: HttpRequest, spec: ContestSpec) -> str:
    """How to ask people into a private contest; nothing for a public one."""
    if spec.visibility != "private":
        return ""
    link = f"{reverse('contest', args=[spec.slug])}?{urlencode({'code': spec.invite_code})}"
    return f" It is private. Invite people with this link: {request.build_absolute_uri(link)}"


def stake_words(contest: ContestView) -> dict[str, str]:
    """The fee and the first prize, in words; empty without any."""
    stakes = contest.stakes
    return {
        "fee": amount_words(stakes.fee_minor, stakes.currency) if stakes.fee_minor else "",
        "prize": prize_words(stakes.prizes[0], stakes.currency) if stakes.prizes else "",
    }


def contest_open(request: HttpRequest, slug: str, code: str) -> ContestView:
    """The contest if the viewer may see it, by an invite code too. Guesses are counted: NotFound, then 429."""
    try:
        return selectors.contest_get(slug, viewer(request), invite_code=code)
    except NotFound:
        if code:
            limit_attempts(request)
        raise


def invite_page(request: HttpRequest, slug: str, code: str, error: DomainError | None = None) -> HttpResponse:
    """Where no contest shows, a private one may be: asks for its code, at every address alike, so it tells nothing."""
    denial = error.message if error else WRONG_CODE if code else ""
    context = {"slug": slug, "invite_code": code, "denial": denial}
    return render(request, "contests/invite.html", context, status=error.status if error else 404)


@login_required
@require_GET
@page
def contest_standing(request: HttpRequest, slug: str) -> JsonResponse:
    """The viewer's own row of the standings, as the `standings` event writes rows; null without a place."""
    who = actor(request)
    contest = selectors.contest_get(slug, who)
    place = selectors.participant_get(contest.id, who.user_id)
    if place is None:
        return JsonResponse({"row": None})
    near = selectors.standings_page(contest.id, size=1, around_account=place.account_id, sparklines=False).rows
    rows = board_rows(near, lambda minor: major_text(minor, contest.currency))
    return JsonResponse({"row": next((row for row in rows if row["account_id"] == place.account_id), None)})


@login_required
@require_POST
def contest_enter(request: HttpRequest, slug: str) -> HttpResponse:
    """Join a contest, then show it."""
    who = actor(request)
    code = request.POST.get("invite_code", "").strip()
    try:
        contest = contest_open(request, slug, code)
        client_region_require(client_of(request))
        contest_join(actor=who, contest_id=contest.id, invite_code=code)
    except NotFound:
        return invite_page(request, slug, code)
    except DomainError as error:
        if error.code == "rate_limited":
            return invite_page(request, slug, code, error)
        if error.status == 402:
            # The fee: the checkout says what it is.
            return redirect(error.details["url"])
        messages.error(request, error.message)
        if error.details.get("url"):
            back = urlencode({"next": reverse("contest", args=[slug])})
            return redirect(f"{error.details['url']}?{back}")
        query = f"?{urlencode({'code': code})}" if code else ""
        return redirect(f"{reverse('contest', args=[slug])}{query}")
    else:
        balance = f"{to_major(contest.initial_balance_minor, contest.currency):,}"
        messages.success(request, f"You are in, with {balance} {contest.currency}.")
    return redirect("contest", slug=slug)


@login_required
@require_POST
@page
def contest_leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Leave a contest before it starts."""
    who = actor(request)
    contest = selectors.contest_get(slug, who)
    try:
        contest_withdraw(actor=who, contest_id=contest.id)
    except DomainError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
    else:
        back = " Your fee is on its way back." if contest.stakes.fee_minor else ""
        messages.success(request, f"You have left {contest.name}.{back}")
    return redirect("contest", slug=slug)


@require_GET
@page
def contest_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The standings as CSV, the first 5,000 of them."""
    contest = selectors.contest_get(slug, viewer(request), invite_code=request.GET.get("code", ""))
    try:
        limit("uploads", f"standings:{address(request)}:{contest.id}")
    except DomainError as error:
        return HttpResponse(error.message, status=error.status, content_type="text/plain; charset=utf-8")
    target = StringIO()
    lines = csv.writer(target)
    lines.writerow(["rank", "name", "kind", "value", "cash", "currency", "return_pct", "score", "trades", "joined_at"])
    for row in standings_first(contest.id, CSV_ROWS):
        lines.writerow([
            row.rank or "", safe_cell(row.name), row.kind, major_text(row.value_minor, contest.currency),
            major_text(row.cash_minor, contest.currency), contest.currency, row.return_pct, row.score, row.trades,
            row.joined_at.isoformat(),
        ])  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{contest.slug}-standings.csv"'}
    return HttpResponse(target.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
