"""A rule set as the simulation reads it: floors, targets, days and payouts as plain numbers. Pure.

Amounts stay exact while they are whole minor units below 2**53: a percentage is one product and one division, rounded
half-even once, as trading.domain.rules does it in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from core.money import exponent
from propfirm.domain.odds_types import Floats
from trading.domain.rules import RuleSet
from trading.domain.rules import limits as l
from trading.domain.rules import rewards as r
from trading.domain.rules.conduct import LossPerTrade
from trading.domain.rules.eligibility import split_percent
from trading.domain.rules.knobs import Amount

DAYS_A_YEAR = 365
MONTH = DAYS_A_YEAR / 12
# Codes of how a path ends; those of a set's rules follow from FIRST_RULE on.
OPEN, PASSED, NO_MONEY, FIRST_RULE = 0, 1, 2, 3
# What the model cannot know, in words, by kind of rule.
_UNKNOWN = {
    "max_quantity": "the largest position in units",
    "max_notional": "the largest position in money",
    "max_gross_exposure": "the largest exposure",
    "max_symbol_share": "the largest share in one symbol",
    "max_open_positions": "how many positions are open at once",
    "max_lots_per_order": "the largest order",
    "stop_required": "that every order has a stop",
    "allowed_instruments": "what may be traded",
    "allowed_sessions": "the hours of trading",
    "no_overnight": "being flat overnight",
    "flat_by_weekend": "being flat over the weekend",
    "news_blackout": "the minutes around news",
}
_ALWAYS = (
    "Positions held over a reset, and several open at once: trades follow one another, and each day ends flat.",
    "Prices that jump over a floor: a trade that reaches a floor is closed on it.",
)


@dataclass(frozen=True, slots=True)
class Size:
    """An amount: `numer / denom` of its basis ("initial" or "reference"), or that many minor units ("fixed")."""

    basis: str
    numer: float
    denom: float

    def of(self, initial: Floats, reference: Floats) -> Floats | float:
        """The amount in minor units, not rounded."""
        if self.basis == "fixed":
            return self.numer / self.denom
        return (initial if self.basis == "initial" else reference) * self.numer / self.denom


@dataclass(frozen=True, slots=True)
class Floor:
    """A loss floor that ends or locks. `gap`: minor units under the floor at which it is broken. `row`: its high-water
    mark, -1 for none. `lock`: minor units above the initial balance at which it stops rising, or None."""

    code: int
    soft: bool
    daily: bool
    intraday: bool
    on_equity: bool
    gap: float
    size: Size
    lock: float | None
    row: int


@dataclass(frozen=True, slots=True)
class TradeLimit:
    """The loss of one trade. `at`: losing exactly the amount breaks it. `of_equity`: a share of what is left after."""

    code: int
    soft: bool
    open: bool
    at: bool
    of_equity: bool
    size: Size


@dataclass(frozen=True, slots=True)
class Target:
    """The profit that passes. `flat`: no position may be open. `on_equity`: equity must reach it, else the balance."""

    size: Size
    on_equity: bool
    flat: bool

    @property
    def midway(self) -> bool:
        """Whether an open position's equity may reach it."""
        return self.on_equity and not self.flat


@dataclass(frozen=True, slots=True)
class DayRule:
    """Days to trade; with `least` a day counts when it closes with that profit, else when something was opened."""

    need: int
    least: Size | None
    passing: bool
    payout: bool


@dataclass(frozen=True, slots=True)
class EvenRule:
    """The best day's largest share of the profit; `total`: of all profit, else of the winning days' sum."""

    numer: float
    denom: float
    total: bool
    at: bool
    passing: bool
    payout: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """A time that runs out after `days` since "start", "first" trade or "last" trade."""

    code: int
    days: float
    since: str


@dataclass(frozen=True, slots=True)
class Pay:
    """The payout rule. `splits`: the trader's percentage as (numer, denom) by the number of earlier payouts."""

    first: float
    every: float
    splits: tuple[tuple[float, float], ...]
    minimum: float
    cap: Size | None
    buffer: Size | None
    resets: bool


@dataclass(frozen=True, slots=True)
class Growth:
    """The scaling rule; `period` in days, `cap` in minor units or None."""

    period: float
    profit: Size
    payouts: int
    increase: Size
    cap: float | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """The rules of a phase. `endings`: by code, (outcome, rule key, rule kind). `refund`: (payout, numer, denom)."""

    name: str
    endings: tuple[tuple[str, str, str], ...]
    floors: tuple[Floor, ...]
    trades: tuple[TradeLimit, ...]
    target: Target | None
    days: tuple[DayRule, ...]
    even: tuple[EvenRule, ...]
    clocks: tuple[Clock, ...]
    pay: Pay | None
    growth: Growth | None
    refund: tuple[int, float, float] | None
    waters: int

    @property
    def judged(self) -> list[Floor]:
        """Floors in the order in which they are judged at one level: first those that end the account."""
        return sorted(self.floors, key=lambda floor: floor.soft)

    @property
    def trails(self) -> tuple[Floor, ...]:
        """Floors that follow equity within the day."""
        return tuple(floor for floor in self.floors if floor.intraday)

    @property
    def rising(self) -> bool:
        """Whether it matters how far a losing trade was ahead before."""
        return bool(self.trails) or (self.target is not None and self.target.midway)


def ratio(value: Decimal, scale: Fraction | int) -> tuple[float, float]:
    """`value` * `scale` as numerator and denominator."""
    found = Fraction(value) * scale
    return float(found.numerator), float(found.denominator)


def minor(value: Decimal, currency: str) -> float:
    """Money of a rule in minor units."""
    return float(Fraction(value) * 10 ** exponent(currency))


def size_of(amount: Amount, currency: str) -> Size:
    """An amount of a rule; every basis that is not "initial" or "fixed" is the rule's own reference."""
    if amount.basis == "fixed":
        return Size("fixed", *ratio(amount.value, 10 ** exponent(currency)))
    return Size("initial" if amount.basis == "initial" else "reference", *ratio(amount.value, Fraction(1, 100)))


def _floors(rule_set: RuleSet) -> tuple[Floor, ...]:
    found, row = [], 0
    for index, rule in enumerate(rule_set.rules):
        if not isinstance(rule, l.DailyLoss | l.MaxLoss):
            continue
        trailing = rule.trailing if isinstance(rule, l.MaxLoss) else ""
        locks = isinstance(rule, l.MaxLoss) and rule.lock == "initial"
        floor = Floor(
            code=FIRST_RULE + index,
            soft=rule.severity == "soft",
            daily=isinstance(rule, l.DailyLoss),
            intraday=trailing == "intraday",
            on_equity=rule.tested == "equity",
            gap=0.0 if rule.comparator == "at_or_below" else 1.0,
            size=size_of(rule.amount, rule_set.currency),
            lock=minor(rule.lock_offset, rule_set.currency) if isinstance(rule, l.MaxLoss) and locks else None,
            row=row if trailing in ("end_of_day", "intraday") else -1,
        )
        if rule.severity != "warn":
            found.append(floor)
            row += floor.row >= 0
    return tuple(found)


def water_keys(rule_set: RuleSet) -> list[str]:
    """Keys of the rules whose high-water marks are simulated, by row."""
    return [rule.key for rule in rule_set.of(l.MaxLoss) if rule.severity != "warn" and rule.trailing != "static"]


def _trades(rule_set: RuleSet) -> tuple[TradeLimit, ...]:
    return tuple(
        TradeLimit(
            code=FIRST_RULE + index,
            soft=rule.severity == "soft",
            open=rule.tested == "open",
            at=rule.comparator == "at_or_above",
            of_equity=rule.amount.basis == "equity",
            size=size_of(rule.amount, rule_set.currency),
        )
        for index, rule in enumerate(rule_set.rules)
        if isinstance(rule, LossPerTrade) and rule.severity != "warn"
    )


def _clocks(rule_set: RuleSet) -> tuple[Clock, ...]:
    found = []
    for index, rule in enumerate(rule_set.rules):
        if isinstance(rule, l.Inactivity):
            found.append(Clock(FIRST_RULE + index, float(rule.days), "last"))
        elif isinstance(rule, l.TimeLimit) and rule.days is not None:
            since = "start" if rule.counted_from == "start" else "first"
            found.append(Clock(FIRST_RULE + index, float(rule.days), since))
    return tuple(found)


def _pay(rule: r.Payout | None, currency: str) -> Pay | None:
    if rule is None:
        return None
    most = max((step.after for step in rule.split_steps), default=0)
    return Pay(
        first=float(rule.first_after_days),
        every=float(rule.every_days),
        splits=tuple(ratio(split_percent(rule, done), Fraction(1, 100)) for done in range(most + 1)),
        minimum=max(round(minor(rule.minimum, currency)), 1),
        cap=size_of(rule.cap, currency) if rule.cap else None,
        buffer=size_of(rule.buffer, currency) if rule.buffer else None,
        resets=rule.after == "reset",
    )


def _growth(rule: r.Scaling | None, currency: str) -> Growth | None:
    if rule is None:
        return None
    return Growth(
        period=rule.every_months * MONTH,
        profit=Size("initial", *ratio(rule.min_profit_percent, Fraction(1, 100))),
        payouts=rule.min_payouts,
        increase=Size("reference", *ratio(rule.increase_percent, Fraction(1, 100))),
        cap=None if rule.cap is None else float(round(minor(rule.cap, currency))),
    )


def compiled(rule_set: RuleSet) -> Compiled:
    """The rules of a phase as numbers."""
    currency, both = rule_set.currency, "both"
    timed = (l.Inactivity, l.TimeLimit)
    endings = [("open", "", ""), ("passed", "", ""), ("failed", "no_money", "no_money")]
    endings += [("expired" if isinstance(item, timed) else "failed", item.key, item.kind) for item in rule_set.rules]
    target, chance = rule_set.one(l.ProfitTarget), rule_set.one(r.SecondChance)
    refund = chance.refund_fee_with_payout if chance else None
    return Compiled(
        name=rule_set.name,
        endings=tuple(endings),
        floors=_floors(rule_set),
        trades=_trades(rule_set),
        target=target and Target(size_of(target.amount, currency), target.tested == "equity", target.require_flat),
        days=tuple(
            DayRule(
                item.days,
                None if item.counts == "opened" or item.min_profit is None else size_of(item.min_profit, currency),
                item.effect in ("passing", both),
                item.effect in ("payout", both),
            )
            for item in rule_set.of(l.MinTradingDays)
        ),
        even=tuple(
            EvenRule(
                *ratio(item.percent, Fraction(1, 100)),
                item.denominator == "total_profit",
                item.comparator == "at_or_below",
                item.effect in ("passing", both),
                item.effect in ("payout", both),
            )
            for item in rule_set.of(l.Consistency)
        ),
        clocks=_clocks(rule_set),
        pay=_pay(rule_set.one(r.Payout), currency),
        growth=_growth(rule_set.one(r.Scaling), currency),
        refund=(refund, *ratio(chance.refund_percent, Fraction(1, 100))) if chance and refund else None,
        waters=len(water_keys(rule_set)),
    )


def not_modelled(phases: tuple[RuleSet, ...]) -> list[str]:
    """What the simulation leaves out of these rules, in words."""
    kinds = {rule.kind for phase in phases for rule in phase.rules}
    found = [f"The rule about {words}." for kind, words in _UNKNOWN.items() if kind in kinds]
    if any(len(phase.resets) > 1 for phase in phases):
        found.append("Resets at different times of the day: every day ends once.")
    if "scaling" in kinds:
        found.append("Calendar months: a month is a twelfth of a year.")
    if "payout" in kinds:
        found.append("What a payout asks beside profit and time (identity, no resting orders): it is taken as done.")
    chance = phases[-1].one(r.SecondChance)
    if chance is not None and (chance.reset_price is not None or chance.free_retries):
        found.append("A reset of the funded account: what ends there stays ended.")
    return [*found, *_ALWAYS]
