"""What the pages show of decisions: a feed in which doing nothing many times in a row is one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ai_strategies.selectors import DecisionView


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A decision of a feed. A run of holds is its newest one, with how many turns it lasted and since when."""

    decision: DecisionView
    turns: int
    since: datetime


def feed(decisions: Iterable[DecisionView], limit: int) -> list[FeedRow]:
    """At most `limit` rows of decisions, newest first, each account's consecutive holds as one row."""
    rows: list[FeedRow] = []
    newest: dict[int, int] = {}
    for decision in decisions:
        at = newest.get(decision.account_id)
        above = rows[at] if at is not None else None
        if at is not None and above is not None and above.decision.action == "hold" == decision.action:
            rows[at] = replace(above, turns=above.turns + 1, since=decision.market_at)
            continue
        if len(rows) == limit:
            break
        newest[decision.account_id] = len(rows)
        rows.append(FeedRow(decision, 1, decision.market_at))
    return rows
