"""Rule sets read for the simulation, and what of them it leaves out. Pure."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from core.money import exponent
from propfirm.domain.odds_rules import (
    DAYS_A_YEAR,
    FIRST_RULE,
    Clock,
    Compiled,
    DayRule,
    EvenRule,
    Floor,
    Growth,
    Pay,
    Size,
    Target,
    TradeLimit,
)
from trading.domain.rules import RuleSet
from trading.domain.rules import limits as l
from trading.domain.rules import rewards as r
from trading.domain.rules.conduct import LossPerTrade
from trading.domain.rules.eligibility import split_percent
from trading.domain.rules.knobs import Amount

MONTH = DAYS_A_YEAR / 12
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
        target=None
        if target is None
        else Target(size_of(target.amount, currency), target.tested == "equity", target.require_flat),
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


def _has_days(rule: l.Rule) -> bool:
    """Whether the rule's reset means anything: a floor that stands still and fails does not ask for the day."""
    still = isinstance(rule, l.MaxLoss) and rule.trailing != "end_of_day" and rule.severity != "soft"
    return hasattr(rule, "reset") and not still


def not_modelled(phases: tuple[RuleSet, ...]) -> list[str]:
    """What the simulation leaves out of these rules, in words."""
    kinds = {rule.kind for phase in phases for rule in phase.rules}
    found = [f"The rule about {words}." for kind, words in _UNKNOWN.items() if kind in kinds]
    if any(len({getattr(rule, "reset", None) for rule in phase.rules if _has_days(rule)}) > 1 for phase in phases):
        found.append("Resets at different times of the day: every day ends once.")
    if "scaling" in kinds:
        found.append("Calendar months: a month is a twelfth of a year.")
    if "payout" in kinds:
        found.append("What a payout asks beside profit and time (identity, no resting orders): it is taken as done.")
    chance = phases[-1].one(r.SecondChance)
    if chance is not None and (chance.reset_price is not None or chance.free_retries):
        found.append("A reset of the funded account: what ends there stays ended.")
    return [*found, *_ALWAYS]
