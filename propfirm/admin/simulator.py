"""Odds and economics of a plan that is being made, as rows of a table. They estimate, and decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import Invalid
from core.money import to_major
from propfirm.domain.odds_figures import Chance, Mean, Odds, Spread
from propfirm.domain.odds_firm import FirmOdds
from propfirm.domain.odds_types import OddsPlan, Style
from propfirm.domain.plans import PlanDefinition
from propfirm.services.odds import STYLES, firm_for, odds_for, odds_style_read

SEED = 1
_NUMBERS = ("win_percent", "payoff", "trades_per_day", "risk_percent")
Row = tuple[str, str, str]


@dataclass(slots=True)
class Simulated:
    """The trader's rows and the firm's: (what, value, 95 % interval); or what is wrong with what was asked."""

    name: str = ""
    trader: list[Row] = field(default_factory=list)
    ends: list[Row] = field(default_factory=list)
    firm: list[Row] = field(default_factory=list)
    left_out: tuple[str, ...] = ()
    paths: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)


def simulate(read: PlanDefinition, asked: Mapping[str, str]) -> Simulated:
    """Play a plan in one way of trading for the trader, and in a mix of buyers for the firm. Seconds of work."""
    rules = tuple(read.rule_set(index) for index in range(len(read.phases)))
    try:
        own = {name: asked[name].strip() for name in _NUMBERS if asked.get(name, "").strip()}
        preset = asked.get("preset", "") or ("" if own else "day-trader")
        style = odds_style_read({"preset": preset, **own})
        mix = _mix(asked)
        odds = odds_for(
            rule_sets=rules,
            initial_minor=read.size_minor,
            price_minor=read.price_minor,
            currency=read.currency,
            style=style,
            seed=SEED,
        )
        plan = OddsPlan(
            phases=rules, initial_minor=read.size_minor, price_minor=read.price_minor, currency=read.currency
        )
        firm = firm_for(plan=plan, mix=mix, seed=SEED)
    except Invalid as error:
        return Simulated(problems=error.details.get("problems") or [{"field": "", "message": error.message}])
    return Simulated(
        name=style.name or "These numbers",
        trader=_trader(read, odds),
        ends=[_chance(_end(read, end.phase, end.outcome, end.rule_kind), end.share) for end in odds.ends],
        firm=_firm(firm),
        left_out=odds.not_modelled,
        paths=odds.paths,
    )


def mix_fields(asked: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(field, name, share) of the buyers that the firm's figures are made of; unless given, each the same."""
    return [(f"mix-{code}", item.name, asked.get(f"mix-{code}", "1")) for code, item in STYLES.items()]


def _mix(asked: Mapping[str, str]) -> list[tuple[Style, float]]:
    found = []
    for name, _, text in mix_fields(asked):
        weight = text.strip() or "0"
        if not weight.isascii() or not weight.isdigit() or int(weight) > 1_000:
            problem = {"field": name, "message": "Give a whole number from 0 to 1000."}
            raise Invalid("odds_mix_invalid", problem["message"], {"problems": [problem]})
        if int(weight):
            found.append((STYLES[name.removeprefix("mix-")].style, float(weight)))
    if not found:
        raise Invalid("odds_mix_invalid", "Give at least one share of buyers that is not zero.")
    return found


def _end(read: PlanDefinition, phase: int, outcome: str, kind: str) -> str:
    by = f" by {kind.replace('_', ' ')}" if kind else ""
    return f"{read.phases[phase].name}: {outcome}{by}"


def _chance(label: str, chance: Chance) -> Row:
    low, high = chance.interval
    value = "-" if chance.value is None else f"{_percent(chance.value)} %"
    return label, value, f"{_percent(low)} to {_percent(high)} %"


def _percent(share: float) -> str:
    return f"{100 * share:,.1f}".replace("-", "\N{MINUS SIGN}")


def _money(label: str, mean: Mean, currency: str) -> Row:
    def text(minor: float) -> str:
        return f"{to_major(round(minor), currency):,f}".replace("-", "\N{MINUS SIGN}")

    low, high = mean.interval
    return label, f"{text(mean.value)} {currency}", f"{text(low)} to {text(high)}"


def _days(label: str, spread: Spread) -> Row:
    if spread.median is None:
        return label, "-", ""
    return label, f"{spread.median} sessions", f"80 % within {spread.p10} to {spread.p90}"


def _trader(read: PlanDefinition, odds: Odds) -> list[Row]:
    money = odds.currency
    rows = [_chance(f"Passes {read.phases[phase.index].name}", phase.passed) for phase in odds.phases]
    rows += [
        _chance("Is funded", odds.funded),
        _chance("Is paid at least once", odds.paid),
        _chance("Is paid, once funded", odds.paid_if_funded),
        _days("Until funded", odds.days_to_funded),
        _money("Pays, fee and resets", odds.cost, money),
        _money("Receives in payouts", odds.payout_total, money),
        _money("Gets back of the fee", odds.refund, money),
        _money("Is left with", odds.trader_value, money),
        _chance("Is left with more than nothing", odds.gains),
    ]
    return rows


def _firm(firm: FirmOdds) -> list[Row]:
    money = firm.currency
    low, high = firm.margin.interval
    rows = [
        _money("Fee and resets of an account sold", firm.revenue, money),
        _money("Payouts of an account sold", firm.payouts, money),
        _money("Fees given back", firm.refunds, money),
        _money("Expected liability", firm.liability, money),
        _money("Left of an account sold", firm.value, money),
        ("Margin", f"{_percent(firm.margin.value)} %", f"{_percent(low)} to {_percent(high)} %"),
    ]
    if firm.break_even is None:
        return [*rows, ("Break-even price", "-", "no fee covers what is given back")]
    label, value, interval = _money("Break-even price", firm.break_even, money)
    return [*rows, (label, value, interval)]


def asked_of(posted: Mapping[str, Any]) -> dict[str, str]:
    """What the simulator's form holds, for the page to show again."""
    names = ("preset", *_NUMBERS, *(f"mix-{code}" for code in STYLES))
    return {name: str(posted.get(name, ""))[:20] for name in names if name in posted}
