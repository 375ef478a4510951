"""Verdicts and their evidence: everything needed to compute the verdict again, and the hash of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import RuleState
from trading.domain.rules.wire import digest, encode
from trading.domain.rules.words import words

# Raised when a change of the engine makes the same inputs give another verdict.
ENGINE = 1
# fail, expired, soft, warn: something ended or is near; pass, not_yet: the phase; blocked: an order is not taken;
# eligible, ineligible: a payout, scaling or second chance.
KINDS = ("fail", "expired", "soft", "warn", "pass", "not_yet", "blocked", "eligible", "ineligible")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found, before its evidence is attached. `figures` are JSON values."""

    kind: str
    rule_key: str
    code: str
    message: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding with its evidence. `code` is stable; `message` is for the trader."""

    kind: str
    rule_key: str
    code: str
    message: str
    evidence: dict[str, Any]

    @property
    def figures(self) -> dict[str, Any]:
        """The computed figures of the evidence."""
        found: dict[str, Any] = self.evidence["figures"]
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON data; `verify` takes it."""
        return {
            "kind": self.kind,
            "rule_key": self.rule_key,
            "code": self.code,
            "message": self.message,
            "evidence": self.evidence,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """The verdict that to_json wrote. Raises KeyError."""
        return cls(data["kind"], data["rule_key"], data["code"], data["message"], dict(data["evidence"]))


def inputs_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the evidence that the verdict was computed from: what `inputs_hash` covers."""
    return {name: evidence[name] for name in ("engine", "function", "rule_set", "state", "inputs")}


def issue(function: str, rule_set: RuleSet, state: RuleState, inputs: Mapping[str, Any], finding: Finding) -> Verdict:
    """A verdict: the finding with evidence of what `function` was given. `state` is the one before the call."""
    evidence: dict[str, Any] = {
        "engine": ENGINE,
        "function": function,
        "rule_set": {"version": rule_set.version, "hash": rule_set.document_hash, "document": rule_set.document},
        "state": state.to_json(),
        "inputs": {name: encode(value) for name, value in inputs.items()},
    }
    evidence["inputs_hash"] = digest(evidence)
    evidence["figures"] = finding.figures
    rule = next((item for item in rule_set.rules if item.key == finding.rule_key), None)
    evidence["rule_words"] = words(rule, rule_set.currency) if rule else ""
    evidence["explanation"] = finding.message
    return Verdict(finding.kind, finding.rule_key, finding.code, finding.message, evidence)
