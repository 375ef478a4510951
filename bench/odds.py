"""Milliseconds and memory to answer for the odds of a plan: 10,000 paths over all phases and a funded year.

    .venv/bin/python bench/odds.py [--paths 10000] [--times 5]

Each shipped plan with the shipped ways of trading, a history of 500 days, the firm's figures over the mix, and the
liability of 1,000 funded accounts. Times are of the processor, the best of some runs: other work does not count.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from propfirm.domain.odds import PATHS, odds
from propfirm.domain.odds_firm import firm
from propfirm.domain.odds_live import LiveAccount, live_liability
from propfirm.domain.odds_styles import STYLES
from propfirm.domain.odds_types import History, OddsPlan, Trading
from propfirm.domain.plans import PlanDefinition
from propfirm.domain.presets import presets
from trading.domain.rules import FillFact, record_fill, start

AT = datetime(2026, 3, 2, tzinfo=UTC)


def peak_mb() -> float:
    """The most memory that the process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def best(times: int, work: Callable[[], Any]) -> tuple[Any, float]:
    """(the answer, milliseconds of the processor of the quickest run)."""
    took, found = [], None
    for _ in range(times):
        began = time.process_time()
        found = work()
        took.append((time.process_time() - began) * 1e3)
    return found, min(took)


def plans() -> list[tuple[str, OddsPlan]]:
    """The plans that ship."""
    found = []
    for document in presets():
        plan = PlanDefinition.from_json(document)
        phases = tuple(plan.rule_set(index) for index in range(len(plan.phases)))
        made = OddsPlan(
            phases=phases, initial_minor=plan.size_minor, price_minor=plan.price_minor, currency=plan.currency
        )
        found.append((plan.code, made))
    return found


def history() -> History:
    """500 active days of three trades with a small edge."""
    rng = np.random.default_rng(1)
    results = np.where(rng.random((500, 3)) < 0.45, 0.0065, -0.005)
    return History.of(results.tolist(), 0.8, name="History")


def ways() -> list[tuple[str, Trading]]:
    """The ways of trading that ship, and a history."""
    return [*((preset.name, preset.style) for preset in STYLES.values()), ("History", history())]


def liability(accounts: int, times: int) -> None:
    """What `accounts` funded accounts are expected to be paid."""
    plan = plans()[0][1]
    funded, own, found = plan.phases[-1], history(), []
    for number in range(accounts):
        began = AT - timedelta(days=20)
        fact = FillFact(began, "AAA", True, True, 0, plan.initial_minor, plan.initial_minor)
        state, _ = record_fill(funded, start(funded, initial_minor=plan.initial_minor, at=began), fact)
        balance = plan.initial_minor + number * 500
        found.append(
            LiveAccount(account_id=number, state=state, balance_minor=balance, equity_minor=balance, history=own)
        )
    _, took = best(times, lambda: live_liability(funded, found, at=AT))
    print(f"\nliability of {accounts:,} funded accounts within 90 days: {took:,.0f} ms")


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--paths", type=int, default=PATHS)
    read.add_argument("--times", type=int, default=5)
    asked = read.parse_args()
    began = peak_mb()
    print(f"{'plan':18}{'trading':24}{'paths':>8}{'ms':>8}  funded")
    for code, plan in plans():
        for name, trading in ways():
            found, took = best(asked.times, lambda: odds(plan, trading, paths=asked.paths))  # noqa: B023
            low, high = found.funded.interval
            print(f"{code:18}{name:24}{found.paths:8,}{took:8,.0f}  {low:.3f} to {high:.3f}")
    styles = [preset.style for preset in STYLES.values()]
    for code, plan in plans()[:3]:
        _, took = best(asked.times, lambda: firm(plan, styles, [1] * len(styles), paths=asked.paths))  # noqa: B023
        print(f"{code:18}{'the firm, five styles':32}{took:8,.0f}")
    liability(1_000, asked.times)
    print(f"memory: {peak_mb():,.0f} MB at most, {peak_mb() - began:,.0f} MB of them for the odds")


if __name__ == "__main__":
    main()
