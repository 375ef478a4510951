"""An order of an account under rules: what the rules are shown of it, and their denial. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trading.domain.positions import ZERO
from trading.domain.rules import NewsEvent, OrderFacts, RuleSet, RuleState, pre_trade
from trading.domain.types import Denial
from trading.domain.worth import value_minor

if TYPE_CHECKING:
    from trading.domain.case import Case, Marks

_KEPT = 256
_sets: OrderedDict[str, RuleSet] = OrderedDict()


def rule_set_of(digest: str, document: Mapping[str, Any]) -> RuleSet:
    """The rule set of a stored document, read once for each hash."""
    found = _sets.get(digest)
    if found is None:
        found = _sets[digest] = RuleSet.from_json(document)
        while len(_sets) > _KEPT:
            _sets.popitem(last=False)
    return found


def with_sight(rules: Mapping[str, Any], marks: Marks, events: tuple[NewsEvent, ...]) -> dict[str, Any]:
    """An account's rules as the snapshot has them, with the marks and the news that they are judged on."""
    return {**rules, "marks": marks, "events": events}


def rules_denial(case: Case) -> Denial | None:
    """What the account's rules have against a new order. Those that only reduce a position are not asked about."""
    rules = case.snapshot.rules
    if rules is None or case.request.reduce_only or case.request.order_class == "oco":
        return None
    rule_set, state = rule_set_of(rules["hash"], rules["document"]), RuleState.from_json(rules["state"])
    verdict = pre_trade(rule_set, state, _facts(case, rules))
    if verdict is None:
        return None
    details = {"rule": verdict.rule_key, "inputs_hash": verdict.evidence["inputs_hash"], **verdict.figures}
    return Denial(verdict.code, verdict.message, details)


def _facts(case: Case, rules: Mapping[str, Any]) -> OrderFacts:
    account, request = case.snapshot.account, case.request
    marks: Marks = rules.get("marks") or {}
    own, gross, cost, value = ZERO, 0, 0, 0
    others = set(rules.get("opening") or ()) - {case.instrument.listing_id}
    for item in case.snapshot.positions:
        mark, held = marks.get(item.listing_id), item.holding
        worth = held.cost_minor
        if mark is not None:
            worth = value_minor(held.quantity, mark[0], mark[1], account.currency)
        cost, value = cost + held.cost_minor, value + worth
        if item.listing_id == case.instrument.listing_id:
            own = held.quantity
        else:
            gross += abs(worth)
            others.add(item.listing_id)
    working = Decimal(rules.get("working") or 0) * (1 if request.side == "buy" else -1)
    signed = request.quantity if request.side == "buy" else -request.quantity
    at = case.snapshot.market_at
    return OrderFacts(
        at=case.quote.at if at is None else datetime.fromisoformat(at),
        symbol=case.instrument.symbol,
        side=request.side,
        quantity=request.quantity,
        price=case.price,
        balance_minor=account.cash_minor + cost,
        equity_minor=account.cash_minor + value,
        notional_minor=abs(value_minor(own + working + signed, case.price, case.instrument, account.currency)),
        position_quantity=own,
        working_quantity=working,
        gross_minor=gross,
        open_positions=len(others),
        stop_price=request.stop_loss_price,
        lot_size=case.instrument.lot_size,
        fx=case.instrument.fx,
        events=rules.get("events") or (),
    )
