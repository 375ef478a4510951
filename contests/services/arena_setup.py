"""Templates over stretches of loaded history: the ready ones of the demo history, and of any that was imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np

from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec
from contests.domain.ports import unknown_agents
from contests.domain.stretches import (
    BLEED,
    CRASH,
    RANGE,
    RECOVERY,
    WHIPLASH,
    Prices,
    facts_find,
    stretch_find,
    symbols_find,
)
from contests.domain.templates import DAILY, DAY, NONE
from contests.models import ContestTemplate
from contests.selectors.templates import TemplateView
from contests.services.moves import SYSTEM, now
from contests.services.templates import TemplateOrder, template_create
from core.errors import Invalid
from core.money import Money
from marketdata import selectors as market_selectors
from marketdata.domain.policy import Policy, Use, refusal
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.universe import DEMO_SOURCE
from marketdata.models import BarSeries, Exchange
from marketdata.selectors.instruments import instruments_by_symbols
from marketdata.selectors.sessions import policy_for
from trading.domain.types import Actor

WARMUP_DAYS = 120
BALANCE = "1000000"
AGENT_MINUTES = 360
MOST_SYMBOLS = 100
# Some of the demo's; which of them there are is asked of the floor above.
AGENTS = ("ballast", "goldcross", "pacer", "rubberband")


@dataclass(frozen=True, slots=True)
class Plan:
    """A template to be found. `kind`: see contests.domain.stretches. `minutes` of wall time.

    `hour`: when its public run is each day, in UTC; None: no public runs.
    """

    slug: str
    name: str
    blurb: str
    kind: str
    days: int
    prints: int
    minutes: int
    symbols: int
    hour: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Loaded daily history: prices are [days, symbols]."""

    symbols: tuple[str, ...]
    dates: tuple[date, ...]
    prices: Prices


READY = (
    Plan(
        "trade-a-crash", "Trade a crash in 20 minutes",
        "Everything falls at once. It begins when you do not expect it, and it does not fall in a straight line.",
        CRASH, 40, 14, 20, 8, 17,
    ),
    Plan(
        "the-slow-bleed", "The slow bleed",
        "A little lower, a little higher, a little lower. No day is bad enough to make you leave.",
        BLEED, 90, 6, 20, 8,
    ),
    Plan(
        "earnings-whiplash", "Earnings whiplash",
        "Results come overnight, and the open is far from the close. What you hold in the evening is the bet.",
        WHIPLASH, 30, 14, 10, 6,
    ),
    Plan(
        "the-long-recovery", "The long recovery",
        "The worst may be over, or not. Nobody rings a bell; whoever waits to be sure pays more.",
        RECOVERY, 120, 4, 20, 8,
    ),
    Plan(
        "quiet-range", "Quiet range",
        "Nothing happens, for weeks. Patience, small edges, and what each trade costs.",
        RANGE, 40, 7, 10, 8,
    ),
)  # fmt: skip


def templates_setup(*, say: Callable[[str], object]) -> int:
    """Make the ready templates of the demo history that are not there; what is there is left alone. How many it made.

    Without the demo history there is nothing to do.
    """
    missing = [plan for plan in READY if not ContestTemplate.objects.filter(slug=plan.slug).exists()]
    rows = BarSeries.objects.filter(source=DEMO_SOURCE).order_by("instrument__symbol")
    symbols = list(rows.values_list("instrument__symbol", flat=True)[:MOST_SYMBOLS])
    if not missing or not symbols:
        return 0
    history = history_read(symbols)
    for plan in missing:
        made = template_find(actor=SYSTEM, plan=plan, history=history)
        say(f"template {made.slug}: {made.facts.days} days, {made.facts.difficulty.lower()}")
    return len(missing)


def template_find(*, actor: Actor, plan: Plan, history: History, is_arena: bool = True) -> TemplateView:
    """Find the stretch of loaded history that is most of a kind, and keep a template of it, masked.

    Of more symbols than the plan wants those are taken that show it most, and some that show it least. Raises Invalid:
    no such symbol, too little history, prices that may not be used so (`market_policy`).
    """
    symbols, dates, prices = history.symbols, history.dates, history.prices
    first = stretch_find(plan.kind, prices, plan.days, warmup=WARMUP_DAYS)
    columns = symbols_find(plan.kind, prices, first, plan.days, min(plan.symbols, len(symbols)))
    picked = [symbols[column] for column in columns]
    start, end = dates[first], dates[first + plan.days - 1]
    _policy_require(picked, end)
    seconds = Decimal(plan.minutes * 60) / (plan.days * plan.prints)
    market = {
        "start": start.isoformat(), "end": end.isoformat(), "symbols": picked, "prints": plan.prints, "mask": True,
        "seconds_per_tick": format(max(seconds.quantize(Decimal("0.01")), Decimal("0.01")), "f"),
        "warmup_days": WARMUP_DAYS,
    }  # fmt: skip
    currency = instruments_by_symbols(picked)[picked[0]].currency
    known = set(AGENTS) - set(unknown_agents(AGENTS))
    spec = ContestSpec(
        slug=plan.slug, name=plan.name, description=plan.blurb, market=market,
        initial_balance=Money.of(BALANCE, currency), agent_interval_minutes=AGENT_MINUTES, capacity=500,
        agents=tuple(key for key in AGENTS if key in known), constraints=Constraints(),
    )  # fmt: skip
    order = TemplateOrder(
        name=plan.name, spec=spec, blurb=plan.blurb, is_arena=is_arena,
        cadence=NONE if plan.hour is None else DAILY,
        next_at=None if plan.hour is None else _next_hour(plan.hour),
        facts=facts_find(_only(prices, columns), first, plan.days),
    )  # fmt: skip
    return template_create(actor=actor, slug=plan.slug, order=order)


def history_read(symbols: Sequence[str]) -> History:
    """The days that all of these symbols have, with their prices in the shares of the first of them.

    Raises Invalid `unknown_symbol`, `invalid_stretch`.
    """
    if not 1 <= len(symbols) <= MOST_SYMBOLS:
        raise Invalid("unknown_symbol", f"Name 1 to {MOST_SYMBOLS} symbols.", {"field": "symbols"})
    found = BarSeries.objects.filter(instrument__symbol__in=symbols, resolution="1d")
    rows = found.values_list("instrument__symbol", "first_date", "last_date")
    ranges = {symbol: (first, last) for symbol, first, last in rows}
    missing = sorted(set(symbols) - set(ranges))
    if missing:
        raise Invalid("unknown_symbol", "There is no daily history of some symbols.", {"symbols": missing[:50]})
    first, last = max(one for one, _ in ranges.values()), min(one for _, one in ranges.values())
    if first >= last:
        raise Invalid("invalid_stretch", "These symbols have no days in common.", {"field": "symbols"})
    table = market_selectors.replay_plan(ReplayDefinition(first, last, tuple(symbols), warmup_days=0)).table
    ohlc = table.ohlc.astype(np.float64)
    return History(tuple(symbols), table.dates, Prices(opens=ohlc[:, :, 0], closes=ohlc[:, :, 3]))


def _only(prices: Prices, columns: Sequence[int]) -> Prices:
    return Prices(prices.opens[:, list(columns)], prices.closes[:, list(columns)])


def _policy_require(symbols: Sequence[str], end: date) -> None:
    """Raise Invalid ("market_policy") when an exchange does not allow its prices up to `end` in a contest for nothing.

    As marketdata.services.policy asks again of each contest, whose market is there by then.
    """
    at = now()
    use = Use(money=False, newest=datetime.combine(end, time.max, tzinfo=UTC))
    known = set(Exchange.objects.values_list("code", flat=True))
    for code in sorted({view.exchange for view in instruments_by_symbols(symbols).values()} & known):
        found = policy_for(code, at.date())
        if found is not None:
            policy = Policy(code, found.allows_money, found.lag_minutes, found.live_by, found.reason)
            why = refusal(policy, use, at)
            if why is not None:
                raise Invalid("market_policy", why, {"field": "symbols", "exchange": code})


def _next_hour(hour: int) -> datetime:
    """The next time that a clock in UTC shows this hour."""
    at = now()
    today = at.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today > at else today + DAY
