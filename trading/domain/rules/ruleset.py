"""A rule set: a versioned list of typed rules, read from and written to one JSON document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

from core.errors import Invalid
from trading.domain.rules import conduct, limits, rewards
from trading.domain.rules.knobs import Problem
from trading.domain.rules.limits import Rule, spec_of
from trading.domain.rules.times import Reset
from trading.domain.rules.wire import digest

KINDS: dict[str, type[Rule]] = {
    made.kind: made
    for made in (
        limits.DailyLoss,
        limits.MaxLoss,
        limits.ProfitTarget,
        limits.MinTradingDays,
        limits.Consistency,
        conduct.MaxQuantity,
        conduct.MaxNotional,
        conduct.MaxGrossExposure,
        conduct.MaxSymbolShare,
        conduct.MaxOpenPositions,
        conduct.MaxLotsPerOrder,
        conduct.LossPerTrade,
        conduct.StopRequired,
        conduct.AllowedInstruments,
        conduct.AllowedSessions,
        conduct.NoOvernight,
        conduct.FlatByWeekend,
        conduct.NewsBlackout,
        limits.Inactivity,
        limits.TimeLimit,
        rewards.Scaling,
        rewards.Payout,
        rewards.SecondChance,
    )
}
# At most one of each: they say what one thing is, and two would contradict each other.
SINGLE = ("profit_target", "inactivity", "time_limit", "scaling", "payout", "second_chance")
MAX_RULES = 64
CURRENCY = r"^[A-Z]{3}$"

R = TypeVar("R", bound=Rule)
Problems = list[dict[str, str]]


def rule_read(raw: Any, path: str, problems: Problems) -> Rule | None:
    """One rule from its JSON; what is wrong is added to `problems` as {path, message} and None returned."""
    if not isinstance(raw, Mapping):
        problems.append({"path": path, "message": "Give an object."})
        return None
    made = KINDS.get(str(raw.get("kind")))
    if made is None:
        problems.append({"path": f"{path}.kind", "message": f"Choose one of: {', '.join(KINDS)}."})
        return None
    before, values = len(problems), {}
    known = {item.name: item for item in fields(made)}
    for name in raw:
        if name != "kind" and name not in known:
            problems.append({"path": f"{path}.{name}", "message": f"{made.kind} has no such knob."})
    for name, item in known.items():
        if name in raw:
            try:
                values[name] = spec_of(item.metadata).read(raw[name])
            except Problem as problem:
                dot = "." if problem.path and not problem.path.startswith("[") else ""
                problems.append({"path": f"{path}.{name}{dot}{problem.path}", "message": problem.message})
        elif item.default is MISSING:
            problems.append({"path": f"{path}.{name}", "message": "This knob is required."})
    if len(problems) > before:
        return None
    values["key"] = values.get("key") or made.kind
    rule = made(**values)
    problems.extend({"path": f"{path}.{name}", "message": message} for name, message in rule.problems())
    return rule if len(problems) == before else None


def rule_write(rule: Rule) -> dict[str, Any]:
    """A rule as JSON, every knob written out."""
    return {"kind": rule.kind} | {
        item.name: spec_of(item.metadata).write(getattr(rule, item.name)) for item in fields(rule)
    }


@dataclass(frozen=True)
class RuleSet:
    """The rules of one phase in one version. Amounts of money are in `currency` (ISO 4217)."""

    version: int
    name: str
    currency: str
    rules: tuple[Rule, ...]

    @classmethod
    def from_json(cls, document: Any) -> RuleSet:
        """The rule set of a JSON document.

        Raises core.errors.Invalid `invalid_rule_set` with details {"problems": [{"path", "message"}...]}.
        """
        problems: Problems = []
        if not isinstance(document, Mapping):
            raise _invalid([{"path": "", "message": "Give an object with version, name, currency and rules."}])
        _head(document, problems)
        raw = document.get("rules")
        if not isinstance(raw, list) or len(raw) > MAX_RULES:
            problems.append({"path": "rules", "message": f"Give a list of at most {MAX_RULES} rules."})
            raise _invalid(problems)
        rules = [rule_read(item, f"rules[{index}]", problems) for index, item in enumerate(raw)]
        _together(rules, problems)
        if problems:
            raise _invalid(problems)
        made = tuple(rule for rule in rules if rule is not None)
        return cls(document["version"], document["name"], document["currency"], made)

    def to_json(self) -> dict[str, Any]:
        """The document, every knob written out; from_json of it gives an equal rule set."""
        return {
            "version": self.version,
            "name": self.name,
            "currency": self.currency,
            "rules": [rule_write(rule) for rule in self.rules],
        }

    @cached_property
    def document_hash(self) -> str:
        """SHA-256 of the canonical document (hex)."""
        return digest(self.document)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document, made once; verdicts share it, so it must not be changed."""
        return self.to_json()

    @cached_property
    def resets(self) -> tuple[Reset, ...]:
        """Every distinct reset of its rules, in their order."""
        found = [getattr(rule, "reset", None) for rule in self.rules]
        return tuple(dict.fromkeys(reset for reset in found if reset is not None))

    def of(self, made: type[R]) -> Iterator[R]:
        """The rules of one kind, in order."""
        return (rule for rule in self.rules if isinstance(rule, made))

    def one(self, made: type[R]) -> R | None:
        """The rule of a kind that a set has at most once, or None."""
        return next(self.of(made), None)

    def by_key(self, key: str) -> Rule:
        """The rule of that key. Raises KeyError."""
        for rule in self.rules:
            if rule.key == key:
                return rule
        raise KeyError(key)


def _head(document: Mapping[str, Any], problems: Problems) -> None:
    version, name, currency = (document.get(item) for item in ("version", "name", "currency"))
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        problems.append({"path": "version", "message": "Give a whole number from 1."})
    if not isinstance(name, str) or not 0 < len(name) <= 100:
        problems.append({"path": "name", "message": "Give a name of 1 to 100 characters."})
    if not isinstance(currency, str) or not re.fullmatch(CURRENCY, currency):
        problems.append({"path": "currency", "message": "Give an ISO 4217 code of three capital letters."})
    for extra in sorted(set(map(str, document)) - {"version", "name", "currency", "rules"}):
        problems.append({"path": extra, "message": "A rule set has version, name, currency and rules alone."})


def _together(rules: list[Rule | None], problems: Problems) -> None:
    keys: set[str] = set()
    kinds: set[str] = set()
    for index, rule in enumerate(rules):
        if rule is None:
            continue
        if rule.key in keys:
            text = f'Another rule has the key "{rule.key}" already. Give this one a key of its own.'
            problems.append({"path": f"rules[{index}].key", "message": text})
        if rule.kind in SINGLE and rule.kind in kinds:
            problems.append({"path": f"rules[{index}].kind", "message": f"A rule set has one {rule.kind} at most."})
        keys.add(rule.key)
        kinds.add(rule.kind)


def _invalid(problems: Problems) -> Invalid:
    first = problems[0]
    place = f"{first['path']}: " if first["path"] else ""
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return Invalid(
        "invalid_rule_set", f"The rule set is not valid. {place}{first['message']}{more}", {"problems": problems}
    )
