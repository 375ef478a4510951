"""Findings and sanctions in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contests.domain.fairplay import ILLIQUID, SHARED, STALE
from trading.domain.pairs import MIRRORED, OPPOSITE

IN_FORCE = frozenset({"exclude", "disqualify"})
KINDS = {
    MIRRORED: "Mirrored trades",
    OPPOSITE: "Opposite trades",
    SHARED: "Shared identity",
    STALE: "Stale prices",
    ILLIQUID: "Illiquid symbols",
}
STATUSES = {"open": "Open", "upheld": "Upheld", "dismissed": "Dismissed"}
SANCTIONS = {
    "warn": "Warn: nothing changes",
    "exclude": "Exclude: not ranked, may trade on",
    "disqualify": "Disqualify: not ranked, account locked",
}
SANCTION_TITLES = {
    "warn": "Warning",
    "exclude": "Taken out of the ranking",
    "disqualify": "Disqualified",
    "reinstate": "Reinstated",
}
SANCTION_WORDS = {
    "warn": "Nothing has changed for you. Doing it again may take you out of the ranking.",
    "exclude": "You are not ranked and win no prize. You may trade on.",
    "disqualify": "You are not ranked, win no prize, and your account takes no orders.",
    "reinstate": "You take part like everyone else again.",
}
_SHARED = {"device": "a device", "ip": "an address on the network", "payment": "a payment instrument"}


def evidence_words(kind: str, evidence: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    """What was seen, in sentences. `names`: by account id; evidence names its accounts in its own order."""
    accounts = [names.get(account, f"account {account}") for account in evidence.get("accounts", [])]
    first, second = [*accounts, "the account", "the other"][0], [*accounts, "the other", "the other"][1]
    if kind in (MIRRORED, OPPOSITE):
        return _pair_words(kind, evidence, first, second)
    if kind == SHARED:
        return [
            f"{first} and {second} share {_SHARED.get(one['kind'], one['kind'])}, as {one['people']} people of this "
            f"contest do: lead {one['lead_id']}, score {one['score']}."
            for one in evidence["shared"]
        ]
    if kind == STALE:
        return [
            f"{first} made {evidence['trades']} trades that count. {evidence['late']} came in the last fifth of the "
            f"time between two prices, and {evidence['late_and_gained']} of them gained by the next price.",
            f"Chance explains about {evidence['expected']}.",
            _odds(evidence),
        ]
    return [
        f"In {evidence['episodes']} market days {first} traded {evidence['mean_share_pct']}% of a session's volume on "
        f"average, in {', '.join(evidence.get('symbols', []))}.",
        f"After {evidence['gained']} of them the price moved on in their favour, by {evidence['mean_move_pct']}% on "
        "average a day later.",
        _odds(evidence),
    ]


def _pair_words(kind: str, evidence: Mapping[str, Any], first: str, second: str) -> list[str]:
    did = "traded the same symbol the same way" if kind == MIRRORED else "took opposite sides of the same symbol"
    moments = evidence["moments"]
    return [
        f"{first} and {second} {did} within five seconds in {evidence['together']} moments. {first} traded in "
        f"{moments[0]} moments, {second} in {moments[1]}: {evidence['share_pct']}% of the fewer.",
        "Chance, with how often both traded around then and what the crowd did, explains about "
        f"{evidence['expected']}.",
        _odds(evidence),
        f"{first} came first {evidence['first_led']} times, {second} {evidence['second_led']} times. Half of the gaps "
        f"were {evidence['median_seconds']} s or less.",
    ]


def _odds(evidence: Mapping[str, Any]) -> str:
    decades = float(evidence["decades"])
    if decades < 1:
        return "Among so many who trade, chance alone may explain it."
    return f"Among all who were compared, chance brings such a case about once in 10^{decades:.0f} contests like this."
