"""Payout, scaling and second chance: who may have what, and when. What taking it does: `records`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.money import exponent
from trading.domain.rules.facts import Observation, PayoutFacts
from trading.domain.rules.limits import TimeLimit
from trading.domain.rules.phase import Condition, holding
from trading.domain.rules.records import payout_room
from trading.domain.rules.rewards import Payout, Scaling, SecondChance
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import RuleState
from trading.domain.rules.times import add_months
from trading.domain.rules.verdicts import Finding, Verdict, issue
from trading.domain.rules.wire import moment
from trading.domain.rules.words import count, minor


def _units(amount: Decimal, currency: str) -> int:
    return round(Fraction(amount) * Fraction(10) ** exponent(currency))


def split_percent(rule: Payout, payouts: int) -> Decimal:
    """The trader's share of the next payout, after `payouts` earlier ones."""
    steps = [step.percent for step in rule.split_steps if payouts >= step.after]
    return steps[-1] if steps else rule.split_percent


@dataclass(frozen=True, slots=True)
class Purse:
    """Figures of a payout in minor units: what is withdrawn, and how it splits. gross = trader + firm.

    `room_minor`: what the floors leave to be withdrawn, where that is less than the rest allows.
    """

    profit_minor: int
    available_minor: int
    gross_minor: int
    trader_minor: int
    firm_minor: int
    refund_minor: int
    room_minor: int | None = None


def purse(rule_set: RuleSet, rule: Payout, state: RuleState, seen: Observation, facts: PayoutFacts) -> Purse:
    """What could be paid now. Profit counts from the initial balance, on the smaller of balance and equity.

    The trader's share is rounded half-even once and the firm has the rest; what is available is rounded down. Where the
    facts ask for it, no more is available than leaves the account above its floors.
    """
    profit = min(seen.balance_minor, seen.equity_minor) - state.initial_minor
    bases = {"initial": state.initial_minor, "profit": max(profit, 0)}
    kept = rule.buffer.exact(bases, state.currency) if rule.buffer else Fraction(0)
    most = max(Fraction(profit) - kept, Fraction(0))
    if rule.cap is not None:
        most = min(most, rule.cap.exact(bases, state.currency))
    available, room = int(most), None
    if facts.keeps_floors:
        left = payout_room(rule_set, state, seen, most_minor=available)
        available, room = left, left if left < available else None
    gross = available if facts.requested_minor is None else min(facts.requested_minor, available)
    trader = round(Fraction(split_percent(rule, state.payouts)) * gross / 100)
    chance = rule_set.one(SecondChance)
    refund = 0
    if chance is not None and chance.refund_fee_with_payout == state.payouts + 1:
        refund = round(Fraction(chance.refund_percent) * facts.fee_paid_minor / 100)
    return Purse(profit, available, gross, trader, gross - trader, refund, room)


def payout_from(rule: Payout, state: RuleState) -> datetime | None:
    """The earliest instant of the next payout, or None before the first trade."""
    if state.last_payout_at is not None:
        return state.last_payout_at + timedelta(days=rule.every_days)
    return None if state.first_trade_at is None else state.first_trade_at + timedelta(days=rule.first_after_days)


def _payout_conditions(
    rule_set: RuleSet, rule: Payout, state: RuleState, seen: Observation, facts: PayoutFacts, found: Purse
) -> list[Condition]:
    key, currency, opens = rule.key, state.currency, payout_from(rule, state)
    when = "Nothing was traded yet." if opens is None else f"The next payout opens at {opens:%Y-%m-%d %H:%M} UTC."
    asked = found.gross_minor if facts.requested_minor is None else facts.requested_minor
    least = max(_units(rule.minimum, currency), 1)
    conditions = [
        Condition(key, not state.closed_by, "The account must be open."),
        Condition(key, opens is not None and seen.at >= opens, when),
        Condition(key, found.available_minor >= least, f"{minor(found.available_minor, currency)} can be withdrawn."),
        Condition(key, asked >= least, f"At least {minor(least, currency)} is withdrawn."),
        Condition(key, asked <= found.available_minor, f"At most {minor(found.available_minor, currency)} can be."),
    ]
    if found.room_minor is not None:
        text = f"Floors leave room for {minor(found.room_minor, currency)}: no payout may bring the account to one."
        conditions.append(Condition(key, found.room_minor >= least, text))
    if rule.requires_flat:
        conditions.append(Condition(key, seen.flat, "No position may be open."))
    if rule.requires_no_orders:
        conditions.append(Condition(key, not facts.open_orders, f"{count(facts.open_orders, 'order')} rest; none may."))
    if rule.requires_identity:
        conditions.append(Condition(key, facts.identity_verified, "The identity check must be done."))
    return [*conditions, *holding(rule_set, state, seen.balance_minor, "payout")]


def payout_eligibility(rule_set: RuleSet, state: RuleState, observation: Observation, facts: PayoutFacts) -> Verdict:
    """Verdict `eligible` or `ineligible`; figures: the purse, the conditions, the share. Without a payout rule: no."""
    inputs = {"observation": observation, "payout": facts}
    rule = rule_set.one(Payout)
    if rule is None:
        finding = Finding("ineligible", "payout", "no_payout", "This account pays no profit out.", {"conditions": []})
        return issue("payout_eligibility", rule_set, state, inputs, finding)
    found = purse(rule_set, rule, state, observation, facts)
    conditions = _payout_conditions(rule_set, rule, state, observation, facts, found)
    opens, percent = payout_from(rule, state), split_percent(rule, state.payouts)
    figures: dict[str, Any] = {
        "profit_minor": found.profit_minor,
        "available_minor": found.available_minor,
        "gross_minor": found.gross_minor,
        "trader_minor": found.trader_minor,
        "firm_minor": found.firm_minor,
        "refund_minor": found.refund_minor,
        "split_percent": str(percent),
        "opens_at": None if opens is None else moment(opens),
        "conditions": [item.to_json() for item in conditions],
    }
    missing = [item.text for item in conditions if not item.met]
    if missing:
        finding = Finding("ineligible", rule.key, "payout_not_yet", "No payout yet. " + " ".join(missing), figures)
    else:
        back = f" The fee of {minor(found.refund_minor, state.currency)} is refunded." if found.refund_minor else ""
        text = (
            f"{minor(found.gross_minor, state.currency)} can be withdrawn; you receive "
            f"{minor(found.trader_minor, state.currency)} ({percent}%).{back}"
        )
        finding = Finding("eligible", rule.key, "payout_eligible", text, figures)
    return issue("payout_eligibility", rule_set, state, inputs, finding)


def scaling_due(rule_set: RuleSet, state: RuleState, observation: Observation) -> Verdict:
    """Verdict `eligible` when the account grows now; figures: increase_minor, new_initial_minor, the conditions."""
    inputs = {"observation": observation}
    rule = rule_set.one(Scaling)
    if rule is None:
        finding = Finding("ineligible", "scaling", "no_scaling", "This account does not grow.", {"conditions": []})
        return issue("scaling_due", rule_set, state, inputs, finding)
    began, currency = state.scale_at or state.started_at, state.currency
    opens = add_months(began, rule.every_months, rule.zone)
    profit = observation.balance_minor - state.scale_balance_minor + state.scale_withdrawn_minor
    least = round(Fraction(rule.min_profit_percent) * state.initial_minor / 100)
    grown = state.initial_minor + round(Fraction(rule.increase_percent) * state.original_minor / 100)
    if rule.cap is not None:
        grown = min(grown, max(_units(rule.cap, currency), state.initial_minor))
    conditions = [
        Condition(rule.key, not state.closed_by, "The account must be open."),
        Condition(rule.key, observation.at >= opens, f"The period ends at {opens:%Y-%m-%d %H:%M} UTC."),
        Condition(rule.key, profit >= least, f"The period made {minor(profit, currency)} of {minor(least, currency)}."),
        Condition(
            rule.key,
            state.scale_payouts >= rule.min_payouts,
            f"{state.scale_payouts} of {rule.min_payouts} payouts were made in the period.",
        ),
        Condition(rule.key, grown > state.initial_minor, "The account must be below its cap."),
    ]
    figures = {
        "profit_minor": profit,
        "increase_minor": grown - state.initial_minor,
        "new_initial_minor": grown,
        "opens_at": moment(opens),
        "conditions": [item.to_json() for item in conditions],
    }
    missing = [item.text for item in conditions if not item.met]
    if missing:
        finding = Finding("ineligible", rule.key, "scaling_not_due", "No growth yet. " + " ".join(missing), figures)
    else:
        text = f"The account grows from {minor(state.initial_minor, currency)} to {minor(grown, currency)}."
        finding = Finding("eligible", rule.key, "scaling_due", text, figures)
    return issue("scaling_due", rule_set, state, inputs, finding)


def second_chance(rule_set: RuleSet, state: RuleState, observation: Observation) -> Verdict:
    """What may follow a phase that ended: `eligible` with code free_retry or paid_reset, else `ineligible`."""
    rule, currency = rule_set.one(SecondChance), state.currency
    limit = rule_set.one(TimeLimit)
    key = rule.key if rule else "second_chance"
    finding = Finding("ineligible", key, "no_second_chance", "There is no second chance here.")
    if rule is not None and state.closed_by:
        ran_out = state.closed_as == "expired" and limit is not None and state.closed_by == limit.key
        gained = min(observation.balance_minor, observation.equity_minor) > state.initial_minor
        if ran_out and gained and state.retries < rule.free_retries:
            text = "The time ran out without a breach and in profit: the phase may be tried again, free."
            finding = Finding("eligible", key, "free_retry", text, {"retry": state.retries + 1})
        elif rule.reset_price is not None and (rule.max_resets is None or state.resets < rule.max_resets):
            price = _units(rule.reset_price, currency)
            text = f"The phase may be started again for {minor(price, currency)}."
            finding = Finding("eligible", key, "paid_reset", text, {"price_minor": price, "reset": state.resets + 1})
    return issue("second_chance", rule_set, state, {"observation": observation}, finding)
