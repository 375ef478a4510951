"""Milliseconds a tick to mark, rank and sweep accounts in memory: 5 positions and 3 rules each, exact, ties included.

    .venv/bin/python bench/rules.py [--accounts 1000 10000 100000] [--ticks 60] [--symbols 500]

A tick moves every price, marks the whole book, ranks it (score, then who joined first) and sweeps the rules: a daily
loss, an intraday trailing maximum loss and a profit target. The nominated accounts are then judged by the exact
functions, timed apart. The feed is what a fill costs: cash, one position and the account's lines. Nothing is read or
written elsewhere.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from trading.domain.book import Book, Ties, ranks, tie_order
from trading.domain.rules import Observation, RuleSet, RuleState, Sweep, evaluate_mark, lines, raise_high_water, start

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = RuleSet.from_json(
    {
        "version": 1,
        "name": "Bench",
        "currency": "USD",
        "rules": [
            {"kind": "daily_loss", "amount": {"basis": "initial", "value": "5"}},
            {"kind": "max_loss", "amount": {"basis": "initial", "value": "10"}, "trailing": "intraday"},
            {
                "kind": "profit_target",
                "amount": {"basis": "initial", "value": "10"},
                "tested": "equity",
                "require_flat": False,
            },
        ],
    }
)
INITIAL = 10_000_000
POSITIONS = 5


@dataclass
class Times:
    """Milliseconds by part, one entry a tick."""

    parts: dict[str, list[float]] = field(default_factory=dict)

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        found = work()
        self.parts.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
        return found

    def at(self, name: str, share: float) -> float:
        values = sorted(self.parts[name])
        return values[min(int(len(values) * share), len(values) - 1)]


def rss_mb() -> float:
    """Resident memory now, MB."""
    text = Path("/proc/self/statm")
    if text.exists():
        return int(text.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def build(accounts: int, symbols: int) -> tuple[Book, Sweep, Ties, float]:
    """A filled book and sweep, who joined when, and microseconds an upsert of a position took."""
    rng = np.random.default_rng(7)
    book, sweep = Book(), Sweep()
    book.set_prices({listing: Decimal(100) for listing in range(symbols)})
    state = start(RULES, initial_minor=INITIAL, at=AT)
    first = lines(RULES, state, Observation(AT, INITIAL, INITIAL))
    held = np.argsort(rng.random((accounts, symbols)), axis=1)[:, :POSITIONS] if accounts <= 1000 else None
    steps = rng.integers(1, symbols // POSITIONS, size=accounts)
    sizes = rng.integers(-60, 140, size=(accounts, POSITIONS))
    sizes[sizes == 0] = 1
    began = time.perf_counter()
    for index in range(accounts):
        cost = int(sizes[index].sum()) * 10_000
        slot = book.upsert_account(index + 1, INITIAL - cost)
        for number in range(POSITIONS):
            listing = int(held[index, number]) if held is not None else int(index + number * steps[index]) % symbols
            units = int(sizes[index, number])
            book.upsert_position(index + 1, listing, Decimal(units), units * 10_000)
        sweep.put(slot, first)
    took = (time.perf_counter() - began) / (accounts * POSITIONS) * 1e6
    return book, sweep, tie_order(rng.permutation(accounts).astype(np.int64)), took


def feed_us(book: Book, sweep: Sweep, accounts: int) -> tuple[float, float]:
    """Microseconds a fill takes: (book alone, with the rules' lines made again)."""
    rng = np.random.default_rng(9)
    who = rng.integers(1, accounts + 1, size=3000).tolist()
    state = start(RULES, initial_minor=INITIAL, at=AT)
    seen = Observation(AT, INITIAL, INITIAL)
    began = time.perf_counter()
    for number, account in enumerate(who):
        book.upsert_account(account, INITIAL - number)
        book.upsert_position(account, number % 500, Decimal(number % 90 + 1), 10_000)
    alone = (time.perf_counter() - began) / len(who) * 1e6
    began = time.perf_counter()
    for account in who:
        sweep.put(book.slot(account), lines(RULES, state, seen))
    return alone, alone + (time.perf_counter() - began) / len(who) * 1e6


def judge(
    book: Book, sweep: Sweep, states: dict[int, RuleState], slots: np.ndarray, equity: np.ndarray, at: datetime
) -> None:
    """What the service does with the nominated, its lock and its writes aside."""
    balance = book.balance()
    for slot in slots.tolist():
        state = states.get(slot) or start(RULES, initial_minor=INITIAL, at=AT)
        state = raise_high_water(state, sweep.peak(slot), at)
        seen = Observation(at, int(balance[slot]), int(equity[slot]))
        states[slot], _ = evaluate_mark(RULES, state, seen)
        sweep.put(slot, lines(RULES, states[slot], seen))


def one_tick(book: Book, sweep: Sweep, joined: Ties, prices: dict[int, Decimal], at: datetime, times: Times) -> tuple:
    """Mark, rank and sweep; (equity, nominated slots)."""
    began = time.perf_counter()
    equity = times.run("mark", lambda: book.mark(prices))
    times.run("rank", lambda: ranks(equity, joined))
    slots = times.run("sweep", lambda: sweep.nominate(equity, book.balance(), at))
    times.parts.setdefault("tick", []).append((time.perf_counter() - began) * 1e3)
    return equity, slots


def measure(accounts: int, symbols: int, ticks: int) -> None:
    gc.collect()
    before = rss_mb()
    book, sweep, joined, load_us = build(accounts, symbols)
    grown, times, nominated = rss_mb() - before, Times(), 0
    rng = np.random.default_rng(11)
    cents = np.full(symbols, 10_000, dtype=np.int64)
    states: dict[int, RuleState] = {}
    for tick in range(ticks):
        cents = np.maximum(cents + rng.integers(-150, 151, size=symbols), 100)
        prices = {listing: Decimal(int(units)) / 100 for listing, units in enumerate(cents)}
        at = AT + timedelta(seconds=tick)
        equity, slots = one_tick(book, sweep, joined, prices, at, times)
        nominated += len(slots)
        times.run("judge", lambda slots=slots, equity=equity, at=at: judge(book, sweep, states, slots, equity, at))
    parts = " ".join(
        f"{times.at(part, 0.5):>7.2f} {times.at(part, 0.95):>6.2f}" for part in ("mark", "rank", "sweep", "tick")
    )
    alone, whole = feed_us(book, sweep, accounts)
    each = sum(times.parts["judge"]) / nominated * 1e3 if nominated else 0
    print(
        f"{accounts:>9,} {parts} {nominated / ticks:>9.1f} {each:>8.0f} {alone:>7.1f} {whole:>7.1f} "
        f"{load_us:>7.1f} {(book.nbytes + sweep.nbytes) / 1e6:>7.1f} {grown:>7.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--ticks", type=int, default=60)
    parser.add_argument("--symbols", type=int, default=500)
    chosen = parser.parse_args()
    shape = f"{POSITIONS} positions and {len(RULES.rules)} rules an account"
    print(f"{shape}, {chosen.symbols} symbols, {chosen.ticks} ticks; milliseconds, median and p95")
    print(
        f"{'accounts':>9} {'mark':>7} {'p95':>6} {'rank':>7} {'p95':>6} {'sweep':>7} {'p95':>6} {'tick':>7} {'p95':>6} "
        f"{'nominated':>9} {'us each':>8} {'fill us':>7} {'+lines':>7} {'load us':>7} {'MB':>7} {'RSS MB':>7}"
    )
    for accounts in chosen.accounts:
        measure(accounts, chosen.symbols, chosen.ticks)


if __name__ == "__main__":
    main()
