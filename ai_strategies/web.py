"""Pages that show everything together: the landing page, the page of one contest, and an agent's."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from ai_strategies import selectors
from ai_strategies.pages import feed
from contests import selectors as contest_selectors
from contests.domain.prize_words import amount_words
from contests.domain.states import ContestStatus
from contests.selectors import ContestView, ParticipantView, StandingsPage
from contests.selectors.results import result_of
from contests.web.pages import contest_open, invite_page, rules_context
from contests.web.parts import board_of, page_parts
from core.errors import DomainError, NotFound
from core.money import to_major
from core.pages import page
from marketdata import selectors as market_selectors
from marketdata.charts import chart_bars
from marketdata.domain.types import ListingView, Quote
from trading import selectors as trading_selectors
from trading.domain import fees
from trading.domain.types import Actor
from trading.domain.views import AccountView
from trading.pages import curve_points, market_context, new_key, viewer
from trading.pages.blotter import blotter, book_of

BOARD_ROWS = 10
RACERS = 8
LATEST_DECISIONS = 24
# Holds are most of what an agent decides, and show as one line.
DECISIONS_READ = 300
LANDING_DECISIONS = 5
TOKENS = ("ground", "raised", "line", "ink", "ink-2", "ink-3", "accent", "up", "down", "warn", "agent", "focus")
STATES = ("active", "scheduled", "paused", "ended", "accepted", "filled", "denied", "canceled")
CLOSED = {
    ContestStatus.DRAFT: "This contest is a draft. Nobody can trade in it yet.",
    ContestStatus.SCHEDULED: "Trading opens when the contest starts.",
    ContestStatus.PAUSED: "The contest is paused. You can cancel open orders; new ones are taken when it resumes.",
    ContestStatus.ENDED: "This contest is over. Its standings are final.",
    ContestStatus.SETTLED: "This contest is over. Its standings are final and its prizes are paid.",
    ContestStatus.CANCELLED: "This contest was called off. There are no ranks.",
}


def _agent_links() -> dict[int, str]:
    """Where to read about each agent, by its user."""
    return {user_id: reverse("agent", args=[agent_id]) for user_id, agent_id in selectors.agent_ids_by_user().items()}


def _place(contest: ContestView, who: Actor | None) -> ParticipantView | None:
    return contest_selectors.participant_get(contest.id, who.user_id) if who is not None else None


def _contest_context(contest: ContestView, board: StandingsPage) -> dict[str, Any]:
    return {
        **market_context(contest.market_id),
        "contest": contest,
        "currency": contest.currency,
        "initial": contest.initial_balance_minor,
        "standings": board.rows,
        "is_final": board.is_final,
        "agent_links": _agent_links(),
        "channels": f"market:{contest.market_id},contest:{contest.id}",
    }


@require_GET
def landing(request: HttpRequest) -> HttpResponse:
    """The live arena itself: the equity race, the leaders, what the agents just decided."""
    contest = contest_selectors.featured()
    if contest is None or not contest.is_live:
        return render(request, "landing.html", {"contest": None, "next": contest})
    board = contest_selectors.standings_page(contest.id, size=RACERS)
    rows = [{"id": row.account_id, "name": row.name, "points": row.sparkline} for row in board.rows]
    context = {
        **_contest_context(contest, board),
        "decisions": feed(selectors.decisions(contest_id=contest.id, limit=LANDING_DECISIONS), LANDING_DECISIONS),
        "board_rows": RACERS,
        "joined": _place(contest, viewer(request)) is not None,
        "race": {"tick": board.tick, "rows": rows},
    }
    return render(request, "landing.html", context)


@require_GET
@page
def contest_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One contest: prices, the viewer's ticket and book, the leaderboard and the agents' decisions.

    `?code=` is the invite code of a private one; where nothing shows, the page asks for it.
    """
    who = viewer(request)
    code = request.GET.get("code", "").strip()
    try:
        contest = contest_open(request, slug, code)
    except NotFound:
        return invite_page(request, slug, code)
    except DomainError as error:
        return invite_page(request, slug, code, error)
    place = _place(contest, who)
    account = trading_selectors.account_get(place.account_id, who) if place is not None else None
    board, part = board_of(contest, request.GET.get("show", "")[:20], who, BOARD_ROWS)
    context = {
        **page_parts(contest, who, place, code),
        **_contest_context(contest, board),
        "board_part": part,
        "scores_shown": contest.scoring not in ("value", "return"),
        "decisions": feed(selectors.decisions(contest_id=contest.id, limit=LATEST_DECISIONS), LATEST_DECISIONS),
        "board_rows": BOARD_ROWS,
        "invite_code": code,
        "join_words": f"Join with {to_major(contest.initial_balance_minor, contest.currency):,} {contest.currency}",
        "next_key": new_key(),
        **_stakes(contest, is_in=place is not None),
    }
    context |= _prices(contest, request.GET.get("symbol", ""))
    context["charges"] = _charges(contest, context["market"].at.date())
    if account is not None:
        context |= _own(contest, account, who, board, context["market"].status)
    else:
        context["closed_reason"] = CLOSED.get(
            ContestStatus(contest.status), "You are watching. Join to trade in this contest."
        )
        if contest.is_live:
            context["closed_reason"] = "You are watching. Join to trade in this contest, at any point of it."
    return render(request, "contests/page.html", context)


def _stakes(contest: ContestView, *, is_in: bool) -> dict[str, Any]:
    """Fee, prizes and pool in words, who has won, whether one may still leave, and the words of the button."""
    stakes = contest.stakes
    found: dict[str, Any] = {
        **rules_context(contest),
        "result": result_of(contest.id),
        "may_leave": is_in and contest.status == ContestStatus.SCHEDULED,
    }
    if stakes.fee_minor:
        found["join_words"] = f"Enter for {amount_words(stakes.fee_minor, stakes.currency)}"
    return found


def _charges(contest: ContestView, on: date) -> list[str]:
    """What trading costs in the contest on a market day, a sentence a charge; nothing where nothing is charged."""
    bps = contest.constraints.get("commission_bps")
    schedule = contest.constraints.get("fee_schedule") or (f"bps:{bps}" if bps else "")
    exchange = next((item.exchange for item in market_selectors.listings(contest.market_id)), "")
    try:
        return fees.describe(schedule, on, exchange) if schedule else []
    except DomainError as error:
        return [error.message]


def _prices(contest: ContestView, wanted: str) -> dict[str, Any]:
    """The symbols that trade in the contest, with their quotes; and the candles of the one that is shown."""
    quotes, _ = market_selectors.quotes_and_clock(contest.market_id)
    listings = [
        listing
        for listing in market_selectors.listings(contest.market_id)
        if not contest.allowed_symbols or listing.symbol in contest.allowed_symbols
    ]
    shown = next((item for item in listings if item.symbol == wanted), listings[0] if listings else None)
    return {
        "listings": [_listing(item, quotes.get(item.symbol)) for item in listings],
        "selected": shown.symbol if shown else "",
        "selected_name": shown.name if shown else "",
        "bars": chart_bars(contest.market_id, shown.symbol) if shown else [],
        "quotes": {symbol: _quote(quote) for symbol, quote in quotes.items()},
    }


def _listing(listing: ListingView, quote: Quote | None) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "name": listing.name,
        "tick_size": listing.tick_size,
        "lot_size": listing.lot_size,
        "quote": quote,
    }


def _quote(quote: Quote) -> dict[str, float]:
    """A quote for the page's script: it only shows these figures."""
    return {
        "last": float(quote.last),
        "bid": float(quote.bid),
        "ask": float(quote.ask),
        "change": float(quote.change_pct),
    }


def _own(
    contest: ContestView, account: AccountView, who: Actor | None, board: StandingsPage, market_status: str
) -> dict[str, Any]:
    """The viewer's own part of the page."""
    in_top = any(row.account_id == account.id for row in board.rows)
    near = [] if in_top else contest_selectors.standings_page(contest.id, size=1, around_account=account.id).rows
    status = ContestStatus(contest.status)
    return {
        **blotter(account, who, market_status),
        "my_account_id": account.id,
        "my_row": next((row for row in near if row.account_id == account.id), None),
        "closed_reason": CLOSED.get(status, "The market is not moving just now. Orders are taken while it runs."),
        "channels": f"market:{contest.market_id},contest:{contest.id},account:{account.id}",
    }


@require_GET
@page
def agent(request: HttpRequest, agent_id: int) -> HttpResponse:
    """How an agent decides, what it decided lately, and how its newest account stands."""
    found = selectors.agent_get(agent_id)
    live = [seat for seat in found.seats if seat.contest_status in ("active", "paused")]
    seat = next(iter(live or found.seats), None)
    strategy = selectors.strategy_of(found)
    context: dict[str, Any] = {
        "agent": found,
        "seat": seat,
        "parameters": [
            {"name": item.name, "value": found.params.get(item.name, item.default), "text": item.description}
            for item in strategy.parameters
        ],
        "decisions": [],
        "curve": [],
    }
    if seat is not None:
        account = trading_selectors.account_get(seat.account_id, viewer(request))
        context |= market_context(account.market_id)
        context |= {
            "account": account,
            "curve": curve_points(account.id, context["market"].tick),
            "book": book_of(account.id),
            "channels": f"market:{account.market_id},contest:{seat.contest_id}",
            "decisions": feed(
                selectors.decisions(account_id=account.id, limit=DECISIONS_READ, holds=True), LATEST_DECISIONS
            ),
        }
    return render(request, "ai_strategies/agent.html", context)


@require_GET
def design(request: HttpRequest) -> HttpResponse:
    """Every part in every state, for whoever works on the look. Served in DEBUG only."""
    context = {
        "tokens": TOKENS,
        "states": STATES,
        "points": [50, 52, 49, 55, 60, 58, 63, 61, 66],
    }
    return render(request, "design.html", context)
