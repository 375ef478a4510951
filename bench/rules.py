r"""Milliseconds a tick to mark, rank and sweep accounts in memory: 5 positions and 4 rules each, exact, ties included.

    .venv/bin/python bench/rules.py [--accounts 1000 10000 100000] [--ticks 60] [--symbols 500]
    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/rules.py --accounts 100000 --breaches 100

A tick moves every price, marks the whole book, ranks it (score, then who joined first) and sweeps the rules: a daily
loss, an intraday trailing maximum loss, a profit target and the least trading days. It looks at every quote first for
prices that are not to be believed (`watch`). The nominated accounts are then judged by the exact functions, timed
apart. The feed is what a fill costs: cash, one position and the account's lines. Nothing is read or written elsewhere.

With --breaches, so many accounts in a database lose more than their day may, and are judged by the service: their
locks, the verdicts with evidence, audit and events, the locks of the accounts and the new states, and then the orders
that end them. The whole tick is the tick in memory at the same number of accounts and the decisions.
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

from marketdata.domain.types import Quote
from trading.domain.anomalies import Watch
from trading.domain.book import Book, Ties, ranks, tie_order
from trading.domain.rules import Observation, RuleSet, RuleState, Sweep, evaluate_mark, lines, raise_high_water, start

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = RuleSet.from_json(
    {
        "version": 1,
        "name": "Bench of four",
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
            {"kind": "min_trading_days", "days": 4},
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


def quoted(prices: dict[int, Decimal], at: datetime) -> list[Quote]:
    """The quotes of a tick, as the market's process has them."""
    return [
        Quote(str(listing), listing, last, last, last, 0, at, "bench", False, 0, last)
        for listing, last in prices.items()
    ]


def one_tick(
    book: Book, sweep: Sweep, joined: Ties, prices: dict[int, Decimal], at: datetime, times: Times, watch: Watch
) -> tuple:
    """Look at the prices, mark, rank and sweep; (equity, nominated slots)."""
    quotes = quoted(prices, at)
    began = time.perf_counter()
    times.run("watch", lambda: watch.step(quotes))
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
    watch = Watch()
    for tick in range(ticks):
        cents = np.maximum(cents + rng.integers(-150, 151, size=symbols), 100)
        prices = {listing: Decimal(int(units)) / 100 for listing, units in enumerate(cents)}
        at = AT + timedelta(seconds=tick)
        equity, slots = one_tick(book, sweep, joined, prices, at, times, watch)
        nominated += len(slots)
        times.run("judge", lambda slots=slots, equity=equity, at=at: judge(book, sweep, states, slots, equity, at))
    parts = " ".join(
        f"{times.at(part, 0.5):>7.2f} {times.at(part, 0.95):>6.2f}"
        for part in ("watch", "mark", "rank", "sweep", "tick")
    )
    alone, whole = feed_us(book, sweep, accounts)
    each = sum(times.parts["judge"]) / nominated * 1e3 if nominated else 0
    print(
        f"{accounts:>9,} {parts} {nominated / ticks:>9.1f} {each:>8.0f} {alone:>7.1f} {whole:>7.1f} "
        f"{load_us:>7.1f} {(book.nbytes + sweep.nbytes) / 1e6:>7.1f} {grown:>7.1f}"
    )


def decide(breaches: int, symbols: int) -> None:
    """Milliseconds of the decisions over accounts that lose more than a day may, through the service."""
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db.models import F

    call_command("migrate", verbosity=0)
    from bench import rules_service
    from marketdata import selectors
    from marketdata.selectors.markets import market_row, tick_of
    from trading.models import Account, Verdict
    from trading.services import rules as service
    from trading.services.sight import Sight

    rules_service.RULES = RULES.to_json()
    market = rules_service.market_of(symbols)
    # A market's process has judged before: as many others are judged first.
    ids, found = rules_service.populate(market, breaches * 2), []
    Account.objects.filter(pk__in=ids).update(cash_minor=F("cash_minor") - INITIAL // 10)
    sight = Sight(selectors.market_view(market.id), tick_of(market_row(market.id)))
    ended: list[int] = []
    end, service.account_end = service.account_end, lambda account_id: bool(ended.append(account_id))
    service.judge_many(sight, ids[:breaches], mark=True)
    ids = ids[breaches:]
    ended.clear()
    before, began = Verdict.objects.count(), time.perf_counter()
    service.judge_many(sight, ids, mark=True, found=found)
    judged = (time.perf_counter() - began) * 1e3
    assert Verdict.objects.count() - before == len(found) >= breaches
    began = time.perf_counter()
    for account_id in ended:
        end(account_id)
    print(
        f"{len(ended):,} of {breaches:,} accounts breached: {judged:.0f} ms to lock, judge and store, "
        f"{(time.perf_counter() - began) * 1e3:.0f} ms to cancel their orders and close 5 positions each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--ticks", type=int, default=60)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--breaches", type=int, default=0, help="Accounts that breach, in a database")
    chosen = parser.parse_args()
    shape = f"{POSITIONS} positions and {len(RULES.rules)} rules an account"
    print(f"{shape}, {chosen.symbols} symbols, {chosen.ticks} ticks; milliseconds, median and p95")
    print(
        f"{'accounts':>9} "
        + " ".join(f"{name:>7} {'p95':>6}" for name in ("watch", "mark", "rank", "sweep", "tick"))
        + " "
        f"{'nominated':>9} {'us each':>8} {'fill us':>7} {'+lines':>7} {'load us':>7} {'MB':>7} {'RSS MB':>7}"
    )
    for accounts in chosen.accounts:
        measure(accounts, chosen.symbols, chosen.ticks)
    if chosen.breaches:
        decide(chosen.breaches, chosen.symbols)


if __name__ == "__main__":
    main()
