"""Recompute a verdict from its evidence alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from core.errors import DomainError
from core.money import exponent
from trading.domain.rules.eligibility import payout_eligibility, scaling_due, second_chance
from trading.domain.rules.facts import Closing, FillFact, Observation, OrderFacts, PayoutFacts
from trading.domain.rules.fills import record_fill
from trading.domain.rules.marks import evaluate_mark, roll_day
from trading.domain.rules.phase import phase_result
from trading.domain.rules.pretrade import pre_trade
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import RuleState
from trading.domain.rules.verdicts import ENGINE, Verdict, inputs_of
from trading.domain.rules.wire import decode, digest

_TYPES: dict[str, type[Any]] = {
    "observation": Observation,
    "closing": Closing,
    "order": OrderFacts,
    "fill": FillFact,
    "payout": PayoutFacts,
}


UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, DomainError)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a verdict follows from its evidence; `differences` says in words what does not."""

    ok: bool
    differences: tuple[str, ...]


def _pre_trade(rules: RuleSet, state: RuleState, order: OrderFacts) -> list[Verdict]:
    verdict = pre_trade(rules, state, order)
    return [] if verdict is None else [verdict]


_FUNCTIONS: dict[str, Callable[..., list[Verdict]]] = {
    "evaluate_mark": lambda rules, state, observation: evaluate_mark(rules, state, observation)[1],
    "roll_day": lambda rules, state, observation, closing: roll_day(rules, state, observation, closing)[1],
    "record_fill": lambda rules, state, fill: record_fill(rules, state, fill)[1],
    "pre_trade": _pre_trade,
    "phase_result": lambda rules, state, observation: [phase_result(rules, state, observation)],
    "payout_eligibility": lambda rules, state, observation, payout: [
        payout_eligibility(rules, state, observation, payout)
    ],
    "scaling_due": lambda rules, state, observation: [scaling_due(rules, state, observation)],
    "second_chance": lambda rules, state, observation: [second_chance(rules, state, observation)],
}


def recompute(evidence: Mapping[str, Any]) -> list[Verdict]:
    """The verdicts that the evidence's function gives on the evidence's rules, state and inputs.

    Raises KeyError, TypeError, ValueError, AttributeError, ArithmeticError or DomainError on what is no evidence.
    """
    rules = RuleSet.from_json(evidence["rule_set"]["document"])
    state = RuleState.from_json(evidence["state"])
    inputs = {name: decode(_TYPES[name], raw) for name, raw in evidence["inputs"].items()}
    return _FUNCTIONS[evidence["function"]](rules, state, **inputs)


def _books(evidence: Mapping[str, Any]) -> list[str]:
    """The equity must be what balance and positions make, each position rounded half-even once."""
    raw = evidence["inputs"].get("observation")
    if raw is None:
        return []
    seen, places = decode(Observation, raw), exponent(evidence["state"]["currency"])
    found = []
    for held in seen.positions:
        value = round(Fraction(held.quantity) * Fraction(held.price) * Fraction(held.fx) * 10**places)
        if value != held.value_minor:
            found.append(f"The position in {held.symbol} is worth {value} minor units, not {held.value_minor}.")
    equity = seen.balance_minor + sum(held.profit_minor for held in seen.positions)
    if equity != seen.equity_minor:
        found.append(f"Balance and positions make an equity of {equity} minor units, not {seen.equity_minor}.")
    return found


def verify(data: Mapping[str, Any]) -> Verification:
    """Compute the verdict again from its evidence and compare everything: hash, books, code, words, figures."""
    try:
        evidence = data["evidence"]
        if evidence["engine"] != ENGINE:
            return Verification(ok=False, differences=(f"Made by engine {evidence['engine']}; this is {ENGINE}.",))
        differences = _books(evidence)
        if digest(inputs_of(evidence)) != evidence["inputs_hash"]:
            differences.append("The inputs are not those that the hash was made of.")
        verdicts = recompute(evidence)
    except UNREADABLE as error:
        return Verification(ok=False, differences=(f"The evidence cannot be read: {error}",))
    same = [item for item in verdicts if (item.rule_key, item.code) == (data.get("rule_key"), data.get("code"))]
    if not same:
        found = ", ".join(f"{item.rule_key}: {item.code}" for item in verdicts) or "no verdict"
        differences.append(f"The inputs give {found}, not {data.get('rule_key')}: {data.get('code')}.")
        return Verification(ok=False, differences=tuple(differences))
    differences += _compare(data, same[0].to_json(), "")
    return Verification(ok=not differences, differences=tuple(differences))


def _compare(given: Any, made: Any, path: str) -> list[str]:
    if isinstance(given, Mapping) and isinstance(made, Mapping):
        found = []
        for name in sorted({*given, *made}):
            found += _compare(given.get(name), made.get(name), f"{path}.{name}" if path else name)
        return found
    if isinstance(given, list) and isinstance(made, list) and len(given) == len(made):
        pairs = enumerate(zip(given, made, strict=True))
        return [text for index, (own, other) in pairs for text in _compare(own, other, f"{path}[{index}]")]
    return [] if given == made and type(given) is type(made) else [f"{path}: recorded {given!r}, computed {made!r}."]
