"""What the pages of plans and accounts show, as contexts for templates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import inf
from typing import Any

from core.errors import DomainError
from core.templatetags.arena import signed_money
from core.throttling import limit
from propfirm.domain.month import months_of
from propfirm.domain.odds_figures import Chance, Mean, Odds
from propfirm.domain.odds_styles import preset_numbers
from propfirm.domain.references import wanted
from propfirm.domain.states import ENDED
from propfirm.models import PropAccount
from propfirm.selectors.accounts import (
    AccountDetail,
    Objective,
    activities_query,
    violations_query,
)
from propfirm.selectors.calendar import EventView, upcoming
from propfirm.selectors.plans import PlanView
from propfirm.services.odds import STYLES, history_of, odds_for, style_for
from propfirm.services.purchases import affiliate_of, discount_minor
from propfirm.services.resets import chance_of
from trading.pages import analytics, curve_points
from trading.selectors.books import performance_of
from trading.selectors.floors import FloorCourse, floor_courses
from trading.selectors.pauses import paused_symbols
from trading.selectors.rules import AccountRulesView, verdict_view

STEP_WORDS = {"one": "One step", "two": "Two steps", "three": "Three steps", "instant": "Funded at once"}
NUMBERS = (
    ("win_percent", "Winning trades, %", "50"),
    ("payoff", "Average win over average loss", "1.5"),
    ("trades_per_day", "Trades a day", "3"),
    ("risk_percent", "Risk of a trade, % of the balance", "0.5"),
)
ACTIVITIES, VIOLATIONS = 30, 30
SEED = 1


@dataclass(frozen=True, slots=True)
class Bar:
    """A probability with its interval, in percent of the whole width of a drawing 1000 units wide."""

    label: str
    text: str
    interval: str
    width: int
    low: int
    high: int


def _bar(label: str, chance: Chance) -> Bar:
    low, high = chance.interval
    value = chance.value or 0.0
    text = "–" if chance.value is None else f"{value * 100:.1f} %"
    return Bar(label, text, f"{low * 100:.1f} to {high * 100:.1f} %", *(round(x * 1000) for x in (value, low, high)))


def odds_bars(odds: Odds, plan: PlanView) -> list[Bar]:
    """Probabilities in the order in which they happen."""
    names = {index: phase.name for index, phase in enumerate(plan.phases)}
    found = [_bar(f"Pass {names.get(one.index, one.name)}", one.passed) for one in odds.phases]
    if odds.phases:
        found.append(_bar("Be funded", odds.funded))
    return [*found, _bar("Be paid at least once", odds.paid), _bar("End with more than it cost", odds.gains)]


def odds_money(odds: Odds) -> list[tuple[str, str, str]]:
    """(what, value, interval) of the expected amounts of a purchase: costs, what comes back, and what is left."""

    def row(label: str, mean: Mean, least_minor: float = 0.0) -> tuple[str, str, str]:
        # What is paid is never less than nothing, however wide the interval is.
        low, high = max(mean.interval[0], least_minor), mean.interval[1]
        value, least, most = (signed_money(round(part), odds.currency) for part in (mean.value, low, high))
        return label, value.lstrip("+"), f"{least.lstrip('+')} to {most.lstrip('+')}"

    return [
        row("What it costs, resets included", odds.cost),
        row("Paid out to you", odds.payout_total),
        *([row("Of the fee, given back", odds.refund)] if odds.refund.value else []),
        row("What is left for you", odds.trader_value, -inf),
    ]


def odds_ends(odds: Odds, plan: PlanView) -> list[tuple[str, str]]:
    """How purchases end, the most frequent first: (words, share)."""
    words = {"failed": "failed", "expired": "ran out of time", "open": "still open at the end"}
    found = []
    for end in sorted(odds.ends, key=lambda item: -item.share.count)[:8]:
        by = f", {end.rule_kind.replace('_', ' ')}" if end.rule_kind else ""
        share = f"{(end.share.value or 0) * 100:.1f} %"
        found.append((f"{plan.phases[end.phase].name}: {words.get(end.outcome, end.outcome)}{by}", share))
    return found


def odds_context(
    plan: PlanView, rules: Sequence[Any], asked: Mapping[str, str], price_minor: int, user_id: int | None, payer: str
) -> dict[str, Any]:
    """The form of the odds and, when something was asked, the answer or what is wrong with it.

    `payer`: against whose limit a question counts; `status` is that of an answer that could not be given.
    """
    history = None if user_id is None else history_of(user_id)
    chosen = asked.get("preset", "")
    # What counts where a field is left empty.
    shown = preset_numbers(STYLES[chosen]) if chosen in STYLES else {}
    context: dict[str, Any] = {
        "styles": [(code, item.name, preset_numbers(item)) for code, item in STYLES.items()],
        "chosen": chosen,
        "numbers": [(name, label, asked.get(name, ""), shown.get(name, f"e.g. {eg}")) for name, label, eg in NUMBERS],
        "history": history,
        "seed": SEED,
    }
    if not asked.get("odds"):
        return context
    try:
        limit("odds", payer)
        wanted_style = {name: asked.get(name, "") for name in ("preset", *(one for one, *_ in NUMBERS))}
        style = style_for(wanted_style, user_id, history)
        odds = odds_for(
            rule_sets=rules, initial_minor=plan.size_minor, price_minor=price_minor, currency=plan.currency,
            style=style, seed=SEED,
        )  # fmt: skip
    except DomainError as error:
        problems = {item["field"]: item["message"] for item in error.details.get("problems", [])}
        return context | {"problem": error.message, "problems": problems, "status": error.status}
    return context | {
        "answer": odds,
        "bars": odds_bars(odds, plan),
        "amounts": odds_money(odds),
        "ends": odds_ends(odds, plan),
    }


def purchase_context(plan: PlanView, add_ons: Sequence[str], code: str, user_id: int | None) -> dict[str, Any]:
    """The price as chosen, and what the checkout is asked for; a code that does not work is told and left out."""
    extras: list[dict[str, Any]] = [
        {"item": item, "price": plan.add_on_price(item.code), "on": item.code in add_ons} for item in plan.add_ons
    ]
    total = plan.price_minor + sum(row["price"] for row in extras if row["on"])
    asked, affiliate, problem = wanted(plan.code, add_ons, code), None, ""
    try:
        affiliate = affiliate_of(asked, user_id)
    except DomainError as error:
        problem = error.message
    discount = discount_minor(total, affiliate)
    return {
        "extras": extras,
        "total_minor": total - discount,
        "discount_minor": discount,
        "affiliate": code,
        "affiliate_problem": problem,
        "reference": (replace(asked, affiliate="") if affiliate is None else asked).reference,
        "steps": STEP_WORDS[plan.steps],
    }


@dataclass(frozen=True, slots=True)
class Gauge:
    """An objective as it is drawn: tone is up, warn or down; `percent` of the bar."""

    objective: Objective
    tone: str
    percent: int


def gauges(objectives: Sequence[Objective]) -> list[Gauge]:
    """Objectives with a tone: of limits by how much is used, of goals by whether they are met."""
    found = []
    for item in objectives:
        if item.kind == "limit":
            tone = "down" if item.percent >= 80 else "warn" if item.percent >= 50 else "up"
        elif item.kind == "share":
            tone = "up" if item.is_met else "warn"
        else:
            tone = "up" if item.is_met else "plain"
        found.append(Gauge(item, tone, max(0, min(item.percent, 100))))
    return found


_LINES = {"daily_loss": "Daily floor", "max_loss": "Floor", "profit_target": "Target"}


def lines_of(detail: AccountDetail, curve: Sequence[tuple[int, int]] = ()) -> list[dict[str, Any]]:
    """Floors, targets and the high water, for the chart: {key, title, kind, minor, course}.

    `minor` is where a line lies now, `course` where it lay at each point of `curve`: None for what was not written
    down, [] for a line that does not move. The high water is what floors trail; without such a floor the curve's own.
    """
    rules = detail.rules
    if rules is None or detail.phase is None:
        return []
    courses = {one.rule_key: one for one in floor_courses(detail.phase.trading_account_id, curve)} if curve else {}
    found = [_high_water(rules, curve, [one for one in courses.values() if one.trails])]
    for item in rules.limits:
        known = courses.get(item.rule_key)
        course = [] if known is None else [None if level is None else level.floor_minor for level in known.levels]
        found.append({"key": item.rule_key, "title": _LINES[item.kind], "kind": item.kind,
                      "minor": item.line_minor, "course": course})  # fmt: skip
    return found


def _high_water(
    rules: AccountRulesView, curve: Sequence[tuple[int, int]], trailed: Sequence[FloorCourse]
) -> dict[str, Any]:
    now = rules.high_water_minor
    course: Sequence[int | None]
    if now is None:
        peaks = list(accumulate((minor for _, minor in curve), max, initial=rules.initial_minor))
        now, course = max(peaks[-1], rules.equity_minor), peaks[1:]
    else:
        levels = zip(*(item.levels for item in trailed), strict=True)
        course = [max((level.reference_minor for level in row if level), default=None) for row in levels]
    return {"key": "high_water", "title": "High water", "kind": "high_water", "minor": now, "course": course}


def _news(detail: AccountDetail, market_id: int) -> list[EventView]:
    """News that the account's rules keep away from, in the market's next day."""
    heeds = detail.rules is not None and any(rule.kind == "news_blackout" for rule in detail.rules.rules)
    return upcoming(market_id) if heeds else []


def live_context(detail: AccountDetail) -> dict[str, Any]:
    """The figures that move; as JSON what the chart goes on with: {at: epoch seconds, equity, lines}, minor units."""
    now = ""
    if detail.rules is not None and detail.card.is_live:
        lines = {line["key"]: line["minor"] for line in lines_of(detail)}
        at, equity = int(detail.rules.at.timestamp()), detail.rules.equity_minor
        now = json.dumps({"at": at, "equity": equity, "lines": lines})
    return {"detail": detail, "gauges": gauges(detail.objectives), "now": now}


def account_context(row: PropAccount, detail: AccountDetail, tick: int) -> dict[str, Any]:
    """The cockpit of an account: gauges, chart, days, verdicts, activities, statistics."""
    context: dict[str, Any] = {
        **live_context(detail),
        "curve": [],
        "months": months_of(detail.days if detail.today is None else (*detail.days, detail.today)),
        "activities": activities_query(row.pk)[:ACTIVITIES],
        "violations": [verdict_view(item) for item in violations_query(row.pk)[:VIOLATIONS]],
        "certificates": row.certificates.order_by("pk")[:20],
        "chance": None,
        "can_dispute": False,
        "disputes": row.disputes.order_by("-pk")[:5],
    }
    if detail.phase is None:
        return context
    trading_id = detail.phase.trading_account_id
    curve = [(at, minor) for at, minor in curve_points(trading_id, tick)]
    context |= {
        "curve": curve,
        "lines": lines_of(detail, curve),
        "cards": analytics.cards(performance_of(trading_id), detail.card.currency),
        "paused": paused_symbols(trading_id),
        "news": _news(detail, detail.market_id or 0),
    }
    if row.status in ENDED and row.status != "closed":
        try:
            context["chance"] = chance_of(row)
        except DomainError:
            context["chance"] = None
        verdict_id = detail.phase.verdict_id
        context["can_dispute"] = verdict_id is not None and not row.disputes.filter(verdict_id=verdict_id).exists()
    return context
