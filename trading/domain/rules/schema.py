"""The JSON Schema (draft 2020-12) of a rule set, made from the same specs that read it.

It describes shapes. What knobs mean together (RuleSet.from_json) is stricter: bounds of decimals, zones that exist,
knobs that contradict each other, keys that repeat.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from trading.domain.rules.limits import Rule, spec_of
from trading.domain.rules.ruleset import CURRENCY, KINDS, MAX_RULES


def kind_schema(made: type[Rule]) -> dict[str, Any]:
    """The schema of one kind of rule, defaults and meanings included."""
    properties: dict[str, Any] = {"kind": {"const": made.kind}}
    required = ["kind"]
    for item in fields(made):
        spec = spec_of(item.metadata)
        about: dict[str, Any] = {"description": item.metadata["about"]}
        if item.default is MISSING:
            required.append(item.name)
        else:
            about["default"] = "" if item.name == "key" else spec.write(item.default)
        properties[item.name] = spec.schema() | about
    return {
        "type": "object",
        "title": made.kind,
        "description": (made.__doc__ or "").strip(),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def rule_set_schema() -> dict[str, Any]:
    """The schema of a whole document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule set",
        "type": "object",
        "properties": {
            "version": {"type": "integer", "minimum": 1},
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "currency": {"type": "string", "pattern": CURRENCY},
            "rules": {
                "type": "array",
                "maxItems": MAX_RULES,
                "items": {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS]},
            },
        },
        "required": ["version", "name", "currency", "rules"],
        "additionalProperties": False,
        "$defs": {kind: kind_schema(made) for kind, made in KINDS.items()},
    }
