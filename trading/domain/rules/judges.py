"""The judgements made on marks: loss floors, open trades, hours in which to be flat, time. Each returns findings.

A judgement looks at one rule, the state and an observation, and says what it finds and what was thereby told. It is
silent about what it told before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from trading.domain.rules.conduct import FlatByWeekend, LossPerTrade, NoOvernight
from trading.domain.rules.facts import Observation
from trading.domain.rules.floors import (
    LossRule,
    allowance,
    breach_line,
    floor_minor,
    reference_minor,
    tested_minor,
    warn_lines,
)
from trading.domain.rules.limits import DailyLoss, Inactivity, MaxLoss, Rule, TimeLimit
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import RuleState
from trading.domain.rules.verdicts import Finding
from trading.domain.rules.wire import moment
from trading.domain.rules.words import count, minor, when

TimeRule = Inactivity | TimeLimit
FlatRule = NoOvernight | FlatByWeekend
Judged = tuple[RuleState, Finding | None]
_ACTS = {
    "fail": " Positions are closed, orders cancelled, and the account is locked for good.",
    "soft": " Positions are closed, orders cancelled, and the account is locked until {until}.",
    "warn": "",
}


def enforce(state: RuleState, finding: Finding, at: datetime, until: datetime | None = None) -> RuleState:
    """What a finding does to the state: closed by fail or expired, locked by soft until `until` or the next reset."""
    if finding.kind in ("fail", "expired"):
        closed_as = "failed" if finding.kind == "fail" else "expired"
        return replace(state, closed_by=finding.rule_key, closed_as=closed_as, closed_at=at)
    if finding.kind != "soft":
        return state
    end = until or lock_end(state, at)
    if state.soft_lock_until is not None and state.soft_lock_until >= end:
        return state
    return replace(state, soft_lock_until=end, soft_lock_by=finding.rule_key)


def lock_end(state: RuleState, at: datetime) -> datetime:
    """When a soft lock ends that has no end of its own: the nearest reset; 24 hours when no rule has a reset."""
    return state.next_reset() or at + timedelta(days=1)


def _acts(severity: str, until: datetime) -> str:
    return _ACTS[severity].format(until=f"{until:%Y-%m-%d %H:%M} UTC")


def loss(rule: LossRule, state: RuleState, seen: Observation) -> Judged:
    """A loss floor: a breach by the rule's severity, or the highest warning level newly reached."""
    tested, gone = tested_minor(rule, seen), f"{rule.key}|100"
    if tested <= breach_line(rule, state):
        if state.said(gone):
            return state, None
        until = state.day(rule.reset).next_at
        finding = Finding(
            rule.severity,
            rule.key,
            f"{rule.kind}_breached",
            _breach_text(rule, state, tested) + _acts(rule.severity, until),
            _figures(rule, state, tested),
        )
        told = state.saying(gone, *(f"{rule.key}|{level}" for level in rule.warn_at))
        return enforce(told, finding, seen.at, until), finding
    reached = [level for level, line in warn_lines(rule, state, rule.warn_at).items() if tested <= line]
    fresh = [level for level in reached if not state.said(f"{rule.key}|{level}")]
    if not fresh or state.said(gone):
        return state, None
    level, currency = fresh[-1], state.currency
    left = tested - floor_minor(rule, state)
    text = (
        f"{_NAMES[rule.kind]}: {level}% of the limit is used. {rule.tested.capitalize()} is {minor(tested, currency)}, "
        f"{minor(left, currency)} above the floor of {minor(floor_minor(rule, state), currency)}."
    )
    figures = _figures(rule, state, tested) | {"level": level}
    told = state.saying(*(f"{rule.key}|{item}" for item in reached))
    return told, Finding("warn", rule.key, f"{rule.kind}_warning", text, figures)


_NAMES = {"daily_loss": "Daily loss", "max_loss": "Maximum loss"}
_REFERENCES = {"balance": "balance", "equity": "equity", "max": "larger of balance and equity"}


def _breach_text(rule: LossRule, state: RuleState, tested: int) -> str:
    currency, floor = state.currency, floor_minor(rule, state)
    how = "is below" if tested < floor else "stands at"
    reference, lost = minor(reference_minor(rule, state), currency), minor(round(allowance(rule, state)), currency)
    if isinstance(rule, DailyLoss):
        why = f"the {_REFERENCES[rule.reference]} at the reset ({when(rule.reset)}) of {reference}, less {lost}"
    elif state.high_water(rule.key) is None:
        why = f"the initial balance of {reference}, less {lost}"
    else:
        kind = "closing balance" if rule.trailing == "end_of_day" else "equity"
        why = f"the highest {kind} of {reference}, less {lost}"
        why += "" if rule.lock == "never" else ", and no higher than where it locks"
    amount, line = minor(tested, currency), minor(floor, currency)
    return f"{_NAMES[rule.kind]}: {rule.tested} of {amount} {how} the floor of {line} ({why})."


def _figures(rule: LossRule, state: RuleState, tested: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "tested": rule.tested,
        "tested_minor": tested,
        "floor_minor": floor_minor(rule, state),
        "reference_minor": reference_minor(rule, state),
        "allowance_minor": round(allowance(rule, state)),
        "comparator": rule.comparator,
    }
    mark = state.high_water(rule.key)
    if mark is not None:
        found |= {"high_water_kind": mark.kind, "high_water_at": moment(mark.at)}
    if isinstance(rule, DailyLoss):
        day = state.day(rule.reset)
        found |= {"reset_at": moment(day.opened_at), "next_reset_at": moment(day.next_at)}
    return found


def trade_limit(rule: LossPerTrade, state: RuleState, equity_minor: int) -> Fraction:
    """What one trade may lose, exact, in minor units; a percentage of equity is of the equity at that moment."""
    return rule.amount.exact({"initial": state.initial_minor, "equity": equity_minor}, state.currency)


def trade_lost(rule: LossPerTrade, limit: Fraction, lost_minor: int) -> bool:
    """Whether losing `lost_minor` (positive) breaks the rule. Only a loss can."""
    return lost_minor > 0 and (lost_minor > limit or (rule.comparator == "at_or_above" and lost_minor == limit))


def open_trade(rule: LossPerTrade, state: RuleState, seen: Observation) -> Judged:
    """The worst open position's loss, when the rule counts open losses."""
    worst = min(seen.positions, key=lambda item: (item.profit_minor, item.symbol), default=None)
    if rule.tested != "open" or worst is None or state.said(f"{rule.key}|100"):
        return state, None
    limit = trade_limit(rule, state, seen.equity_minor)
    if not trade_lost(rule, limit, -worst.profit_minor):
        return state, None
    return trade_breach(rule, state, worst.symbol, -worst.profit_minor, limit, seen.at)


def trade_breach(
    rule: LossPerTrade, state: RuleState, symbol: str, lost: int, limit: Fraction, at: datetime
) -> tuple[RuleState, Finding]:
    """The finding of a trade that lost too much, and what it does."""
    currency = state.currency
    text = (
        f"Loss per trade: {symbol} loses {minor(lost, currency)}; one trade may lose {minor(round(limit), currency)}."
        + _acts(rule.severity, lock_end(state, at))
    )
    figures = {"symbol": symbol, "lost_minor": lost, "limit_minor": round(limit), "comparator": rule.comparator}
    finding = Finding(rule.severity, rule.key, "loss_per_trade_breached", text, figures)
    return enforce(state.saying(f"{rule.key}|100"), finding, at), finding


def flat_hours(rule: FlatRule, state: RuleState, seen: Observation) -> Judged:
    """A position held in hours in which to be flat; told once for each such span."""
    span = rule.span()
    began = span.began(seen.at)
    if began is None or seen.flat or state.said(f"{rule.key}|{moment(began)}"):
        return state, None
    until = span.next_end(seen.at)
    held = sorted(item.symbol for item in seen.positions if item.quantity)
    text = f"Positions had to be closed by {began:%Y-%m-%d %H:%M} UTC; {', '.join(held)} is open." + _acts(
        rule.severity, until
    )
    figures = {"began_at": moment(began), "until": moment(until), "symbols": held}
    finding = Finding(rule.severity, rule.key, f"{rule.kind}_breached", text, figures)
    told = replace(state, told=tuple(word for word in state.told if not word.startswith(f"{rule.key}|")))
    return enforce(told.saying(f"{rule.key}|{moment(began)}"), finding, seen.at, until), finding


def time_from(rule: TimeRule, state: RuleState) -> datetime | None:
    """What the rule's days are counted from, or None when they are not counted."""
    if rule.days is None:
        return None
    if isinstance(rule, Inactivity):
        return None if state.held_since is not None else state.last_trade_at or state.started_at
    return state.started_at if rule.counted_from == "start" else state.first_trade_at


def time_line(began: datetime, days: int, level: int) -> datetime:
    """The instant at which `level` percent of the days have passed."""
    return began + timedelta(days=days) * level / 100


def time_out(rule: TimeRule, state: RuleState, seen: Observation) -> Judged:
    """Time that ran out (at the instant itself), or the highest warning level newly reached."""
    began = time_from(rule, state)
    if began is None or rule.days is None:
        return state, None
    ends = time_line(began, rule.days, 100)
    figures: dict[str, Any] = {"counted_from": moment(began), "ends_at": moment(ends), "days": rule.days}
    what = "without a trade" if isinstance(rule, Inactivity) else "of this phase"
    if seen.at >= ends:
        text = f"{count(rule.days, 'day')} {what} have passed, so the phase has ended."
        finding = Finding("expired", rule.key, f"{rule.kind}_expired", text, figures)
        return enforce(state, finding, seen.at), finding
    reached = [level for level in rule.warn_at if seen.at >= time_line(began, rule.days, level)]
    fresh = [level for level in reached if not state.said(f"{rule.key}|{level}")]
    if not fresh:
        return state, None
    text = f"{fresh[-1]}% of the {rule.days} days {what} have passed. The phase ends at {ends:%Y-%m-%d %H:%M} UTC."
    told = state.saying(*(f"{rule.key}|{item}" for item in reached))
    return told, Finding("warn", rule.key, f"{rule.kind}_warning", text, figures | {"level": fresh[-1]})


_JUDGES: tuple[tuple[tuple[type[Rule], ...], Callable[[Any, RuleState, Observation], Judged]], ...] = (
    ((DailyLoss, MaxLoss), loss),
    ((LossPerTrade,), open_trade),
    ((NoOvernight, FlatByWeekend), flat_hours),
    ((Inactivity, TimeLimit), time_out),
)


def judge_all(rule_set: RuleSet, state: RuleState, seen: Observation) -> tuple[RuleState, list[Finding]]:
    """Every rule in order: losses, trades, hours, time. The first that closes the account ends it, and comes first."""
    findings: list[Finding] = []
    for kinds, judge in _JUDGES:
        for rule in rule_set.rules:
            if not isinstance(rule, kinds):
                continue
            state, finding = judge(rule, state, seen)
            if finding is not None and state.closed_by:
                return state, [finding, *findings]
            if finding is not None:
                findings.append(finding)
    return state, findings
