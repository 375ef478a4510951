"""What a fill changes: trading days, activity, the loss of the trade that it closed, news."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.rules.conduct import LossPerTrade, NewsBlackout
from trading.domain.rules.facts import FillFact
from trading.domain.rules.judges import enforce, trade_breach, trade_limit, trade_lost
from trading.domain.rules.limits import Inactivity
from trading.domain.rules.marks import Result, require_rolled
from trading.domain.rules.news import in_blackout
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import RuleState
from trading.domain.rules.verdicts import Finding, issue


def record_fill(rule_set: RuleSet, state: RuleState, fill: FillFact) -> Result:
    """Take a fill in: trading days, activity, the loss of the trade it closed, news. Call it before the next mark.

    Raises ValueError when a reset is due that roll_day has not rolled.
    """
    if state.closed_by:
        return state, []
    require_rolled(state, fill.at)
    quiet = {rule.key for rule in rule_set.of(Inactivity)}
    after = replace(
        state,
        first_trade_at=state.first_trade_at or fill.at,
        last_trade_at=fill.at,
        days=tuple(replace(book, opened=True) for book in state.days) if fill.opened else state.days,
        told=tuple(word for word in state.told if word.split("|")[0] not in quiet),
    )
    findings: list[Finding] = []
    for judge in (_closed_trade, _news):
        if not after.closed_by:
            after, found = judge(rule_set, after, fill)
            findings += found
    return after, [issue("record_fill", rule_set, state, {"fill": fill}, finding) for finding in findings]


def _closed_trade(rule_set: RuleSet, state: RuleState, fill: FillFact) -> tuple[RuleState, list[Finding]]:
    found = []
    for rule in rule_set.of(LossPerTrade):
        limit = trade_limit(rule, state, fill.equity_minor)
        if trade_lost(rule, limit, -fill.realized_minor) and not state.closed_by:
            state, finding = trade_breach(rule, state, fill.symbol, -fill.realized_minor, limit, fill.at)
            found.append(finding)
    return state, found


def _news(rule_set: RuleSet, state: RuleState, fill: FillFact) -> tuple[RuleState, list[Finding]]:
    found = []
    for rule in rule_set.of(NewsBlackout):
        event = in_blackout(rule, fill.at, fill.symbol, fill.events)
        if event is None or state.closed_by or not (fill.increased or (fill.by_stop and rule.include_stops)):
            continue
        news = f"{event.title or 'news'} at {event.at:%H:%M} UTC"
        text = f"{fill.symbol} was traded at {fill.at:%H:%M:%S} UTC, too near to {news}."
        finding = Finding(rule.severity, rule.key, "news_blackout_breached", text, {"symbol": fill.symbol})
        state = enforce(state, finding, fill.at)
        found.append(finding)
    return state, found
