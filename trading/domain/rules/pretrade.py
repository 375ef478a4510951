"""The rules before an order. Each check is small, with its own code; the first that objects blocks the order.

An order that can only bring a position nearer to nothing is always taken: nobody is locked into a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from core.money import exponent
from trading.domain.rules import conduct as c
from trading.domain.rules.facts import OrderFacts
from trading.domain.rules.judges import trade_limit, trade_lost
from trading.domain.rules.limits import Rule
from trading.domain.rules.news import in_blackout
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import RuleState
from trading.domain.rules.verdicts import Finding, Verdict, issue
from trading.domain.rules.words import minor, words
from trading.domain.types import plain


def _blocked(rule: Rule, code: str, message: str, **figures: Any) -> Finding:
    return Finding("blocked", rule.key, code, message, figures)


def _room(rule: Rule, code: str, asked: str, most: str, what: str) -> Finding:
    text = f"{what} would be {asked}; at most {most} is allowed. Reduce the quantity."
    return _blocked(rule, code, text, asked=asked, most=most)


def _quantity(rule: c.MaxQuantity, _state: RuleState, order: OrderFacts) -> Finding | None:
    if (rule.symbols and order.symbol not in rule.symbols) or abs(order.after) <= rule.quantity:
        return None
    return _room(rule, "max_quantity", plain(abs(order.after)), plain(rule.quantity), f"The {order.symbol} position")


def _sized(state: RuleState, order: OrderFacts, rule: c.MaxNotional | c.MaxGrossExposure) -> Fraction:
    return rule.amount.exact({"initial": state.initial_minor, "equity": max(order.equity_minor, 0)}, state.currency)


def _notional(rule: c.MaxNotional, state: RuleState, order: OrderFacts) -> Finding | None:
    most = _sized(state, order, rule)
    if (rule.symbols and order.symbol not in rule.symbols) or order.notional_minor <= most:
        return None
    asked, top = minor(order.notional_minor, state.currency), minor(int(most), state.currency)
    return _room(rule, "max_notional", asked, top, f"The {order.symbol} position")


def _gross(rule: c.MaxGrossExposure, state: RuleState, order: OrderFacts) -> Finding | None:
    most, total = _sized(state, order, rule), order.gross_minor + order.notional_minor
    if total <= most:
        return None
    asked, top = minor(total, state.currency), minor(int(most), state.currency)
    return _room(rule, "max_gross_exposure", asked, top, "All positions together")


def _share(rule: c.MaxSymbolShare, state: RuleState, order: OrderFacts) -> Finding | None:
    most = Fraction(rule.percent) * max(order.equity_minor, 0) / 100
    if order.notional_minor <= most:
        return None
    asked, top = minor(order.notional_minor, state.currency), minor(int(most), state.currency)
    text = f"{top} ({plain(rule.percent)}% of equity)"
    return _room(rule, "max_symbol_share", asked, text, f"The {order.symbol} position")


def _positions(rule: c.MaxOpenPositions, _state: RuleState, order: OrderFacts) -> Finding | None:
    if order.position_quantity or order.open_positions < rule.count:
        return None
    text = f"{order.open_positions} positions are open and at most {rule.count} may be. Close one first."
    return _blocked(rule, "max_open_positions", text, open=order.open_positions, most=rule.count)


def _lots(rule: c.MaxLotsPerOrder, _state: RuleState, order: OrderFacts) -> Finding | None:
    most = rule.lots * order.lot_size
    if order.quantity <= most:
        return None
    text = f"One order is at most {plain(rule.lots)} lots, {plain(most)} units. Split it or reduce the quantity."
    return _blocked(rule, "max_lots_per_order", text, asked=plain(order.quantity), most=plain(most))


def _risk(rule: c.LossPerTrade, state: RuleState, order: OrderFacts) -> Finding | None:
    if order.stop_price is None:
        return None
    away = order.price - order.stop_price if order.side == "buy" else order.stop_price - order.price
    risk = round(Fraction(away) * Fraction(order.quantity) * Fraction(order.fx) * 10 ** exponent(state.currency))
    limit = trade_limit(rule, state, order.equity_minor)
    if not trade_lost(rule, limit, risk):
        return None
    currency = state.currency
    text = (
        f"At its stop this trade loses {minor(risk, currency)}; one trade may lose {minor(int(limit), currency)}. "
        "Bring the stop nearer or reduce the quantity."
    )
    return _blocked(rule, "loss_per_trade", text, risk_minor=risk, limit_minor=int(limit))


def _stop(rule: c.StopRequired, _state: RuleState, order: OrderFacts) -> Finding | None:
    stop = order.stop_price
    if stop is None:
        return _blocked(rule, "stop_required", "An order that opens a position needs a stop-loss. Add one.")
    away = order.price - stop if order.side == "buy" else stop - order.price
    if away <= 0:
        where = "below" if order.side == "buy" else "above"
        text = f"The stop at {plain(stop)} would not protect this order. Put it {where} {plain(order.price)}."
        return _blocked(rule, "stop_wrong_side", text, stop=plain(stop), price=plain(order.price))
    far = rule.max_distance_percent
    if far is None or away * 100 <= far * order.price:
        return None
    text = f"The stop at {plain(stop)} is more than {plain(far)}% from {plain(order.price)}. Bring it nearer."
    return _blocked(rule, "stop_too_far", text, stop=plain(stop), price=plain(order.price))


def _instrument(rule: c.AllowedInstruments, state: RuleState, order: OrderFacts) -> Finding | None:
    allowed = (
        order.symbol not in rule.deny
        and (not rule.allow or order.symbol in rule.allow)
        and (not rule.asset_classes or order.asset_class in rule.asset_classes)
    )
    if allowed:
        return None
    text = f"{order.symbol} is not traded in this account. {words(rule, state.currency)}"
    return _blocked(rule, "instrument_not_allowed", text, symbol=order.symbol)


def _session(rule: c.AllowedSessions, state: RuleState, order: OrderFacts) -> Finding | None:
    if any(window.holds(order.at, rule.zone) for window in rule.windows):
        return None
    return _blocked(rule, "outside_session", f"Positions cannot be opened now. {words(rule, state.currency)}")


def _flat(rule: c.NoOvernight | c.FlatByWeekend, state: RuleState, order: OrderFacts) -> Finding | None:
    span = rule.span()
    if span.began(order.at) is None:
        return None
    until = span.next_end(order.at)
    text = f"Positions can be opened again at {until:%Y-%m-%d %H:%M} UTC. {words(rule, state.currency)}"
    return _blocked(rule, rule.kind, text)


def _news(rule: c.NewsBlackout, _state: RuleState, order: OrderFacts) -> Finding | None:
    event = in_blackout(rule, order.at, order.symbol, order.events)
    if event is None:
        return None
    text = (
        f"{event.title or 'Scheduled news'} is at {event.at:%H:%M} UTC; no position is opened from "
        f"{rule.minutes_before} minutes before until {rule.minutes_after} minutes after. Wait until then."
    )
    return _blocked(rule, "news_blackout", text, event=event.title)


_CHECKS: dict[str, Callable[[Any, RuleState, OrderFacts], Finding | None]] = {
    "allowed_instruments": _instrument,
    "allowed_sessions": _session,
    "no_overnight": _flat,
    "flat_by_weekend": _flat,
    "news_blackout": _news,
    "stop_required": _stop,
    "loss_per_trade": _risk,
    "max_lots_per_order": _lots,
    "max_quantity": _quantity,
    "max_notional": _notional,
    "max_gross_exposure": _gross,
    "max_symbol_share": _share,
    "max_open_positions": _positions,
}


def _locked(state: RuleState, order: OrderFacts) -> Finding | None:
    if state.closed_by:
        text = f"This phase has {state.closed_as} and takes no orders that open positions."
        return Finding("blocked", state.closed_by, "phase_closed", text)
    until = state.soft_lock_until
    if until is None or order.at >= until:
        return None
    text = f"Trading is locked until {until:%Y-%m-%d %H:%M} UTC. Positions may still be closed."
    return Finding("blocked", state.soft_lock_by, "soft_locked", text)


def pre_trade(rule_set: RuleSet, state: RuleState, order: OrderFacts) -> Verdict | None:
    """The first objection of the rules to an order, verdict `blocked`, or None. Reducing orders are always allowed."""
    if order.reduces:
        return None
    finding = _locked(state, order)
    for kind, check in _CHECKS.items():
        for rule in rule_set.rules:
            if finding is None and rule.kind == kind:
                finding = check(rule, state, order)
    return None if finding is None else issue("pre_trade", rule_set, state, {"order": order}, finding)
