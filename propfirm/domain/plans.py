"""A plan as one document: its phases with their rules, its price, what can be added. Pure.

Who buys a version keeps it. The rules of a phase are a rule set of trading.domain.rules; an add-on patches their knobs.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from core.errors import Invalid
from core.money import exponent
from propfirm.domain.states import EVALUATION, FUNDED_KIND
from trading.domain.margin import Terms
from trading.domain.rules import RuleSet, rule_set_words
from trading.domain.rules.limits import ProfitTarget
from trading.domain.rules.rewards import Payout
from trading.domain.rules.wire import digest

STEPS = {"one": 1, "two": 2, "three": 3, "instant": 0}
MOST_NAME = 100
MAX_ADD_ONS = 8
_CODE = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
Problems = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class PhaseDefinition:
    """A phase: evaluation or funded, and its rules as the rule engine reads them."""

    key: str
    name: str
    kind: str
    rules: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """A change that an add-on makes to the rule `rule` of the phase `phase`."""

    phase: str
    rule: str
    knobs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AddOn:
    """Something to be bought with a plan; its price is a share of the plan's."""

    code: str
    name: str
    about: str
    price_percent: Decimal
    patches: tuple[Patch, ...]

    def price_minor(self, plan_minor: int) -> int:
        """Its price with a plan of such a price, minor units, rounded half-even once."""
        return round(Fraction(self.price_percent) * plan_minor / 100)


@dataclass(frozen=True, slots=True)
class PlanDefinition:
    """A version of a plan. Amounts are minor units of `currency`.

    `max_accounts`: how many live accounts of the plan one person may have. `refund_days`: how long the fee is given
    back to who has not traded.
    """

    code: str
    version: int
    name: str
    tagline: str
    steps: str
    currency: str
    size_minor: int
    price_minor: int
    terms: Terms
    phases: tuple[PhaseDefinition, ...]
    add_ons: tuple[AddOn, ...]
    max_accounts: int
    refund_days: int
    document: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical document."""
        return digest(self.document)

    @classmethod
    def from_json(cls, raw: Any) -> PlanDefinition:
        """Read and check a definition. Raises Invalid `invalid_plan` with {"problems": [{"path", "message"}]}."""
        problems: Problems = []
        found = _read(raw, problems) if isinstance(raw, Mapping) else None
        if not isinstance(raw, Mapping):
            problems.append({"path": "", "message": "Give an object."})
        if problems or found is None:
            raise Invalid("invalid_plan", problems[0]["message"], {"problems": problems[:50]})
        return found

    def phase(self, index: int) -> PhaseDefinition:
        """The phase at an index."""
        return self.phases[index]

    def add_on(self, code: str) -> AddOn:
        """An add-on by its code. Raises Invalid `unknown_add_on`."""
        for item in self.add_ons:
            if item.code == code:
                return item
        raise Invalid("unknown_add_on", f"This plan has no add-on {code[:40]}.", {"add_ons": self.codes})

    @property
    def codes(self) -> list[str]:
        """Codes of the add-ons."""
        return [item.code for item in self.add_ons]

    def price_with(self, add_ons: Iterable[str]) -> int:
        """The price with add-ons, before discounts and tax; each add-on is rounded half-even once."""
        return self.price_minor + sum(self.add_on(code).price_minor(self.price_minor) for code in add_ons)

    def rule_document(self, index: int, add_ons: Sequence[str] = ()) -> dict[str, Any]:
        """The rule set of a phase as bought: its rules with the patches of the add-ons."""
        phase = self.phases[index]
        chosen = sorted(set(add_ons))
        rules = [dict(copy.deepcopy(dict(rule))) for rule in phase.rules]
        for code in chosen:
            for patch in self.add_on(code).patches:
                if patch.phase == phase.key:
                    rules = _patched(rules, patch)
        name = f"{self.code}: {phase.key}" + "".join(f" +{code}" for code in chosen)
        return {"version": self.version, "name": _fitted(name), "currency": self.currency, "rules": rules}

    def rule_set(self, index: int, add_ons: Sequence[str] = ()) -> RuleSet:
        """`rule_document`, read. Raises Invalid `invalid_rule_set`."""
        return RuleSet.from_json(self.rule_document(index, add_ons))

    def told(self, add_ons: Sequence[str] = ()) -> Iterator[tuple[PhaseDefinition, RuleSet, tuple[str, ...]]]:
        """Every phase with its rules, as the engine reads them and in plain words."""
        for index, phase in enumerate(self.phases):
            rules = self.rule_set(index, add_ons)
            yield phase, rules, tuple(rule_set_words(rules))


def _fitted(name: str) -> str:
    """A rule set's name, as long as one may be. What is cut off is told apart by a hash of the whole at the end."""
    if len(name) <= MOST_NAME:
        return name
    end = f" #{digest(name)[:16]}"
    return name[: MOST_NAME - len(end)] + end


def _patched(rules: list[dict[str, Any]], patch: Patch) -> list[dict[str, Any]]:
    """The rules with a patch: knobs of one rule changed; {"remove": true} takes the rule out."""
    found = []
    for rule in rules:
        if (rule.get("key") or rule["kind"]) != patch.rule:
            found.append(rule)
        elif not patch.knobs.get("remove"):
            found.append({**rule, **patch.knobs})
    return found


class _Reader:
    """Reads fields of an object and notes what is wrong with them."""

    def __init__(self, raw: Mapping[str, Any], path: str, problems: Problems, known: Iterable[str]) -> None:
        self.raw, self.path, self.problems = raw, path, problems
        for name in sorted(set(raw) - set(known)):
            self.wrong(name, "There is no such field.")

    def wrong(self, name: str, message: str) -> None:
        where = f"{self.path}.{name}" if self.path else name
        self.problems.append({"path": where, "message": message})

    def text(self, name: str, most: int, *, least: int = 1, default: str | None = None) -> str:
        value = self.raw.get(name, default)
        if not isinstance(value, str) or not least <= len(value.strip()) <= most:
            self.wrong(name, f"Give a text of {least} to {most} characters.")
            return ""
        return value.strip()

    def code(self, name: str, most: int) -> str:
        value = self.text(name, most)
        if value and not _CODE.match(value):
            self.wrong(name, "Use lower case letters, digits and single hyphens.")
        return value

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self.raw.get(name, default)
        if type(value) is not int or not least <= value <= most:
            self.wrong(name, f"Give a whole number from {least} to {most}.")
            return least
        return value

    def number(self, name: str, most: str, default: str | None = None) -> Decimal:
        value = self.raw.get(name, default)
        try:
            found = Decimal(value) if isinstance(value, str) else Decimal("NaN")
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or not 0 <= found <= Decimal(most):
            self.wrong(name, f"Give a number from 0 to {most}, as a string.")
            return Decimal(0)
        return found

    def choice(self, name: str, choices: Iterable[str], default: str | None = None) -> str:
        value = self.raw.get(name, default)
        if value not in choices:
            self.wrong(name, f"Choose one of: {', '.join(choices)}.")
        return str(value)

    def items(self, name: str, most: int) -> list[Mapping[str, Any]]:
        value = self.raw.get(name, [])
        if not isinstance(value, list | tuple) or len(value) > most or not all(isinstance(x, Mapping) for x in value):
            self.wrong(name, f"Give a list of at most {most} objects.")
            return []
        return list(value)


_FIELDS = ("code", "version", "name", "tagline", "steps", "currency", "size", "price", "terms", "phases", "add_ons",
           "max_accounts", "refund_days")  # fmt: skip


def _read(raw: Mapping[str, Any], problems: Problems) -> PlanDefinition | None:
    reader = _Reader(raw, "", problems, _FIELDS)
    currency = reader.text("currency", 3, least=3)
    try:
        scale = 10 ** exponent(currency)
    except (KeyError, ValueError):
        reader.wrong("currency", "This currency is not known.")
        return None
    size, price = reader.number("size", "100000000"), reader.number("price", "1000000")
    for name, value in (("size", size), ("price", price)):
        if value * scale != int(value * scale):
            reader.wrong(name, f"{currency} has no such fractions.")
    if not size:
        reader.wrong("size", "Give the starting balance.")
    found = PlanDefinition(
        code=reader.code("code", 40),
        version=reader.whole("version", 1, 9_999),
        name=reader.text("name", 60),
        tagline=reader.text("tagline", 160, least=0, default=""),
        steps=reader.choice("steps", STEPS),
        currency=currency,
        size_minor=int(size * scale),
        price_minor=int(price * scale),
        terms=_terms(reader),
        phases=_phases(reader),
        add_ons=_add_ons(reader),
        max_accounts=reader.whole("max_accounts", 1, 100, 3),
        refund_days=reader.whole("refund_days", 0, 90, 14),
        document=dict(raw),
    )
    if not problems:
        _check(found, problems)
    return found


def _terms(reader: _Reader) -> Terms:
    raw = reader.raw.get("terms", {})
    try:
        return Terms.from_json(raw if isinstance(raw, Mapping) else {"": ""})
    except (Invalid, TypeError) as error:
        reader.wrong("terms", str(getattr(error, "message", error)))
        return Terms()


def _phases(reader: _Reader) -> tuple[PhaseDefinition, ...]:
    found = []
    for index, raw in enumerate(reader.items("phases", 4)):
        one = _Reader(raw, f"phases[{index}]", reader.problems, ("key", "name", "kind", "rules"))
        found.append(
            PhaseDefinition(
                key=one.code("key", 24),
                name=one.text("name", 60),
                kind=one.choice("kind", (EVALUATION, FUNDED_KIND)),
                rules=tuple(one.items("rules", 64)),
            )
        )
    return tuple(found)


def _add_ons(reader: _Reader) -> tuple[AddOn, ...]:
    found = []
    for index, raw in enumerate(reader.items("add_ons", MAX_ADD_ONS)):
        path = f"add_ons[{index}]"
        one = _Reader(raw, path, reader.problems, ("code", "name", "about", "price_percent", "patches"))
        patches = []
        for number, item in enumerate(one.items("patches", 20)):
            part = _Reader(item, f"{path}.patches[{number}]", reader.problems, ("phase", "rule", "set"))
            knobs = item.get("set")
            if not isinstance(knobs, Mapping) or not knobs:
                part.wrong("set", "Give the knobs that change.")
                knobs = {}
            patches.append(Patch(part.text("phase", 24), part.text("rule", 64), dict(knobs)))
        found.append(
            AddOn(
                code=one.code("code", 24),
                name=one.text("name", 60),
                about=one.text("about", 200, least=0, default=""),
                price_percent=one.number("price_percent", "200"),
                patches=tuple(patches),
            )
        )
    return tuple(found)


def _check(found: PlanDefinition, problems: Problems) -> None:
    """What the parts must be to each other: phases that fit the steps, rules that read, add-ons that patch them."""
    kinds = [phase.kind for phase in found.phases]
    wanted = [EVALUATION] * STEPS[found.steps] + [FUNDED_KIND]
    if kinds != wanted:
        words = f"A plan of this kind has {STEPS[found.steps]} phases of evaluation, then a funded one."
        problems.append({"path": "phases", "message": words})
        return
    for name, keys in (("phases", [p.key for p in found.phases]), ("add_ons", found.codes)):
        if len(set(keys)) != len(keys):
            problems.append({"path": name, "message": "Each needs a name of its own."})
    for index, phase in enumerate(found.phases):
        _check_rules(found, index, phase, problems)
    if not problems:
        _check_add_ons(found, problems)


def _check_rules(found: PlanDefinition, index: int, phase: PhaseDefinition, problems: Problems) -> None:
    path = f"phases[{index}]"
    try:
        rules = found.rule_set(index)
    except Invalid as error:
        for problem in error.details.get("problems", [{"path": "", "message": error.message}]):
            problems.append({"path": f"{path}.{problem['path']}", "message": problem["message"]})
        return
    if phase.kind == EVALUATION and rules.one(ProfitTarget) is None:
        problems.append({"path": f"{path}.rules", "message": "An evaluation needs a profit target to be passed."})
    if phase.kind == FUNDED_KIND and rules.one(Payout) is None:
        problems.append({"path": f"{path}.rules", "message": "A funded account needs a payout rule."})


def _check_add_ons(found: PlanDefinition, problems: Problems) -> None:
    for number, item in enumerate(found.add_ons):
        for place, patch in enumerate(item.patches):
            path = f"add_ons[{number}].patches[{place}]"
            phase = next((one for one in found.phases if one.key == patch.phase), None)
            if phase is None:
                problems.append({"path": f"{path}.phase", "message": "There is no such phase."})
            elif patch.rule not in {rule.get("key") or rule.get("kind") for rule in phase.rules}:
                problems.append({"path": f"{path}.rule", "message": "The phase has no such rule."})
    if problems:
        return
    try:
        for index in range(len(found.phases)):
            found.rule_set(index, found.codes)
            for code in found.codes:
                found.rule_set(index, [code])
    except Invalid as error:
        problems.append({"path": "add_ons", "message": f"With its add-ons the rules do not read: {error.message}"})
