r"""A tick of the marking service: accounts of 5 positions under 3 rules, 1 % of them traded since the last tick.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/rules_service.py [--accounts 1000 10000 100000]

Milliseconds, medians: `look` asks the database what has changed and reads it again; `pure` marks, ranks and sweeps in
memory; `store` writes the marks that changed (every account's: all prices move) and the peaks; `idle` is the same tick
when no price moved; `judge` decides over the nominated under their locks, each counted in `judged`; `roll` ends the day
of every account, each judged at its reset. Accounts go straight into the tables: what is measured is marking.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import sys
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

POSITIONS = 5
CASH = 10_000_000
RULES = {
    "version": 1,
    "name": "Bench",
    "currency": "USD",
    "rules": [
        {"kind": "daily_loss", "amount": {"basis": "initial", "value": "5"}},
        {"kind": "max_loss", "amount": {"basis": "initial", "value": "10"}, "trailing": "intraday"},
        {"kind": "profit_target", "amount": {"basis": "initial", "value": "10"}, "tested": "equity"},
    ],
}
FILL = """
WITH ids AS (SELECT id, ledger_account_id, clearing_account_id FROM trading_account WHERE id = ANY(%s)),
made AS (
    INSERT INTO core_journal (book, kind, reference, memo)
    SELECT 'virtual', 'fill', 'bench:' || %s || ':' || id, '' FROM ids RETURNING id, reference),
legs AS (
    INSERT INTO core_posting (journal_id, account_id, amount_minor, currency)
    SELECT m.id, leg.account, leg.amount, 'USD' FROM ids i JOIN made m ON m.reference = 'bench:' || %s || ':' || i.id,
    LATERAL (VALUES (i.ledger_account_id, -100), (i.clearing_account_id, 100)) AS leg(account, amount))
UPDATE trading_account SET cash_minor = cash_minor - 100 WHERE id = ANY(%s)
"""
POPULATE = """
INSERT INTO core_ledgeraccount (book, code, kind, currency)
SELECT 'virtual', 'bench:' || %(mark)s || ':' || n, 'cash', 'USD' FROM generate_series(1, %(number)s) n;
INSERT INTO trading_account (owner_id, market_id, purpose, label, currency, status, ledger_account_id,
    clearing_account_id, fees_account_id, initial_minor, cash_minor)
SELECT %(owner)s, %(market)s, 'house', 'Bench', 'USD', 'active', l.id, %(house)s, %(house)s, %(cash)s, %(cash)s
FROM core_ledgeraccount l WHERE l.code LIKE 'bench:' || %(mark)s || ':%%' ORDER BY l.id;
INSERT INTO trading_position (account_id, listing_id, quantity, cost_minor)
SELECT a.id, (%(listings)s::bigint[])[1 + (a.id * 7 + k * (1 + a.id %% 97)) %% %(symbols)s],
    1 + (a.id + k) %% 40, (1 + (a.id + k) %% 40) * 10000
FROM trading_account a CROSS JOIN generate_series(0, %(positions)s - 1) k WHERE a.market_id = %(market)s
ON CONFLICT DO NOTHING;
UPDATE trading_account a SET cash_minor = cash_minor - (
    SELECT sum(cost_minor) FROM trading_position p WHERE p.account_id = a.id) WHERE a.market_id = %(market)s;
INSERT INTO trading_accountrules (account_id, rule_set_id, status, state, started_at)
SELECT id, %(rules)s, 'active', %(state)s::jsonb, now() FROM trading_account WHERE market_id = %(market)s;
INSERT INTO trading_rulelines (account_id, market_id, equity_low, equity_high, balance_low, balance_high, peak, trail,
    cap, trade_low, trade_share, due_us, reset_us)
SELECT a.id, a.market_id, v.* FROM trading_account a,
    jsonb_to_record(%(lines)s::jsonb) AS v(equity_low bigint, equity_high bigint, balance_low bigint,
    balance_high bigint, peak bigint, trail bigint, cap bigint, trade_low bigint, trade_share float, due_us bigint,
    reset_us bigint) WHERE a.market_id = %(market)s;
ANALYZE trading_account; ANALYZE trading_position; ANALYZE trading_rulelines; ANALYZE trading_accountrules;
ANALYZE core_ledgeraccount
"""


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def market_of(symbols: int) -> Any:
    from marketdata.tests.factories import replay_market

    bars = {f"S{number:03d}": [(100, 100, 100, 100)] * 8 for number in range(symbols)}
    return replay_market(bars, warmup=1, ticks=1, slug=f"bench-{time.time_ns()}", volume=10_000_000)


def populate(market: Any, number: int) -> list[int]:
    import json
    from dataclasses import asdict

    from django.db import connection

    from accounts.models import User
    from core.services.ledger import ledger_account_get_or_create_in_tx
    from marketdata import selectors
    from trading.domain.rules import Observation, RuleSet, lines, start
    from trading.domain.rules.sweep import micros
    from trading.models import Account
    from trading.services.rules import rule_set_store

    mark = time.time_ns()
    owner = User.objects.create(email=f"bench{mark}@example.com", display_name=f"bench{mark}", password="!")
    rules, clock = RuleSet.from_json(RULES), selectors.market_clock(market.id)
    state = start(rules, initial_minor=CASH, at=clock.at)
    first = lines(rules, state, Observation(clock.at, CASH, CASH))
    listings = [item.id for item in selectors.listings(market.id)]
    values = {
        "mark": mark,
        "number": number,
        "owner": owner.pk,
        "market": market.id,
        "house": ledger_account_get_or_create_in_tx(
            book="virtual", code=f"market:{market.id}:clearing", kind="clearing", currency="USD"
        ),
        "cash": CASH,
        "listings": listings,
        "symbols": len(listings),
        "positions": POSITIONS,
        "rules": rule_set_store(document=RULES).pk,
        "state": json.dumps(state.to_json()),
        "lines": json.dumps(asdict(first) | {"reset_us": micros(state.next_reset())}),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statement in POPULATE.split(";\n"):
            cursor.execute(statement, values if "%(" in statement else None)
    return list(Account.objects.filter(market_id=market.id).order_by("id").values_list("id", flat=True))


def trade(ids: list[int], tick: int, draw: random.Random) -> None:
    """One in a hundred accounts has a journal more."""
    from django.db import connection

    some = draw.sample(ids, max(len(ids) // 100, 1))
    with connection.cursor() as cursor:
        cursor.execute(FILL, [some, tick, tick, some])


def moved(tick: Any, index: int, draw: random.Random | None) -> Any:
    """The tick after this one, its prices up to 0.3 % elsewhere; the same without `draw`."""
    quotes = tick.quotes
    if draw is not None:
        quotes = {
            name: replace(quote, last=max(quote.last + Decimal(draw.randint(-30, 30)) / 100, Decimal(1)))
            for name, quote in quotes.items()
        }
    return replace(tick, index=index, quotes=quotes, is_new_day=False, phase=1)


PARTS = ("look", "pure", "store", "idle", "judge", "judged", "roll")


def clocked(parts: dict[str, list[float]], name: str, work: Any) -> Any:
    start = time.perf_counter()
    found = work()
    parts[name].append((time.perf_counter() - start) * 1e3)
    return found


def measure(number: int, symbols: int, ticks: int) -> None:
    import numpy as np

    from marketdata import selectors
    from marketdata.selectors.markets import market_row, tick_of
    from trading.domain.book import ranks, tie_order
    from trading.services import marking
    from trading.services.book import book_of, forget
    from trading.services.rules import rules_roll, rules_sweep

    market = market_of(symbols)
    ids, draw = populate(market, number), random.Random(3)
    forget()
    before, began = rss_mb(), time.perf_counter()
    book, tick, view = book_of(market.id), tick_of(market_row(market.id)), selectors.market_view(market.id)
    book.look(view, tick)
    loaded, memory = time.perf_counter() - began, rss_mb() - before
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    timed = partial(clocked, parts)
    book.mark(tick)
    marking._store(book, tick)
    joined = tie_order(np.arange(len(ids), dtype=np.int64))
    for step in range(ticks):
        index = 1 + step * 2
        trade(ids, time.time_ns(), draw)
        tick = moved(tick, index, draw)
        timed("look", lambda tick=tick: book.look(view, tick))

        def pure(tick: Any = tick) -> None:
            book.mark(tick)
            ranks(next(iter(book.sides.values())).marked, joined)
            book.nominate(tick)

        timed("pure", pure)
        timed("store", lambda tick=tick: marking._store(book, tick))
        parts["judged"].append(timed("judge", lambda tick=tick: rules_sweep(view, tick)))
        still = moved(tick, index + 1, None)
        timed("idle", lambda still=still: marking.mark_tick(view, still))
        rules_sweep(view, still)
    later = replace(tick, at=tick.at + timedelta(days=1))
    timed("roll", lambda: rules_roll(view, later))
    print(
        f"{number:>9,} {loaded:>7.1f} {memory:>7.0f} "
        + " ".join(f"{statistics.median(parts[name]):>9.1f}" for name in PARTS),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--ticks", type=int, default=5)
    options = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(f"{'accounts':>9} {'load s':>7} {'MB':>7} " + " ".join(f"{name:>9}" for name in PARTS))
    for number in options.accounts:
        measure(number, options.symbols, options.ticks)


if __name__ == "__main__":
    main()
