r"""From new prices to served ranks: a contest of up to 100,000 people with 5 positions each, in a real database.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services .venv/bin/python bench/leaderboard.py [--people 1000 10000 100000] [--ticks 200]

Milliseconds, p50 / p95 over the ticks. `mark` values every account at new prices of every symbol; `rank` puts everyone
in order; `show` packs the board and sends it, with the top 50 pushed; `top` serves the first 100 rows and `around` the
21 rows around one of them, as the API does, names read from the database. `total` is the sum: from prices to answers,
and `cpu` the processor's time that it took of this process, which other work on the machine stretches less.
Apart from it: `look` takes over the accounts that traded since the last tick (`--trades`), `store` writes every mark
after they are shown. `RSS` and `growth` are megabytes of the process after the first tick, and added by the last.

Beside it, on the same people: the same ranks from marks that are stored already (`read`), from a window function of
SQL (`window`), and from a sorted set of Redis (`zset`), each without valuing anybody.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from bench.rules_service import FILL, moved, rss_mb  # noqa: E402

POSITIONS = 5
SYMBOLS = 500
TOP, AROUND = 100, 21
BALANCE = 10_000_000
LEDGER = """
INSERT INTO core_ledgeraccount (book, code, kind, currency)
SELECT 'virtual', 'bench:' || %(mark)s || ':' || u.id, 'cash', 'USD' FROM unnest(%(users)s::bigint[]) u(id)
"""
ACCOUNTS = """
INSERT INTO trading_account (owner_id, market_id, group_id, purpose, label, currency, status, ledger_account_id,
    clearing_account_id, fees_account_id, initial_minor, cash_minor, fills_count)
SELECT split_part(l.code, ':', 3)::bigint, %(market)s, %(group)s, 'contest', 'Bench', 'USD', 'active', l.id, %(house)s,
    %(house)s, %(cash)s, %(cash)s, %(positions)s
FROM core_ledgeraccount l WHERE l.code LIKE 'bench:' || %(mark)s || ':%%' ORDER BY l.id
"""
HELD = """
INSERT INTO trading_position (account_id, listing_id, quantity, cost_minor)
SELECT a.id, (%(listings)s::bigint[])[1 + (a.id * 7 + k * (1 + a.id %% 97)) %% %(symbols)s],
    1 + (a.id * 13 + k) %% 190, (1 + (a.id * 13 + k) %% 190) * 10000
FROM trading_account a CROSS JOIN generate_series(0, %(positions)s - 1) k WHERE a.market_id = %(market)s
ON CONFLICT DO NOTHING
"""
CASH = """
UPDATE trading_account a SET cash_minor = cash_minor - p.cost FROM (
    SELECT account_id, sum(cost_minor) AS cost FROM trading_position GROUP BY account_id) p
WHERE p.account_id = a.id AND a.market_id = %(market)s
"""
PLACES = """
INSERT INTO contests_participant (contest_id, user_id, account_id, kind, display_name, status, joined_at, resets)
SELECT %(contest)s, a.owner_id, a.id, 'person', 'Bench ' || a.id, 'active', now() + a.id * interval '1 us', 0
FROM trading_account a WHERE a.market_id = %(market)s ORDER BY a.id
"""
WINDOW = """
WITH ranked AS (
    SELECT p.account_id, m.equity_minor, m.cash_minor, row_number() OVER (
        ORDER BY m.equity_minor DESC, m.cash_minor DESC, p.joined_at, p.account_id) AS place
    FROM contests_participant p JOIN trading_accountmark m ON m.account_id = p.account_id
    WHERE p.contest_id = %(contest)s AND p.status = 'active')
SELECT * FROM ranked WHERE place <= %(top)s OR abs(place - (SELECT place FROM ranked WHERE account_id = %(me)s)) <= 10
"""


def contest_of(number: int) -> Any:
    """A running contest of so many people at its first tick; how they came in is not what is measured."""
    from contests.tests.factories import contest
    from marketdata.services.ticks import market_step

    bars = {f"S{symbol:03d}": [(100, 100, 100, 100)] * 8 for symbol in range(SYMBOLS)}
    view = contest(bars=bars, slug=f"bench-{time.time_ns()}", capacity=100_000)
    market_step(market_id=view.market_id, ticks=1)
    populate(view, number)
    return view


def populate(view: Any, number: int) -> None:
    """People, accounts, positions and places, by statements over all of them at once."""
    from django.db import connection

    from accounts.models import User
    from core.services.ledger import ledger_account_get_or_create_in_tx
    from marketdata import selectors

    mark = time.time_ns()
    people = [User(email=f"b{mark}-{n}@example.com", display_name=f"Bench {n}", password="!") for n in range(number)]
    users = [user.pk for user in User.objects.bulk_create(people, batch_size=5_000)]
    listings = [item.id for item in selectors.listings(view.market_id)]
    house = ledger_account_get_or_create_in_tx(
        book="virtual", code=f"market:{view.market_id}:clearing", kind="clearing", currency="USD"
    )
    values = {
        "mark": mark, "users": users, "market": view.market_id, "group": view.group_id, "house": house,
        "cash": BALANCE, "positions": POSITIONS, "listings": listings, "symbols": len(listings), "contest": view.id,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statement in (LEDGER, ACCOUNTS, HELD, CASH, PLACES):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE trading_account, trading_position, contests_participant, accounts_user")


class Clock:
    """Milliseconds by part."""

    def __init__(self) -> None:
        self.parts: dict[str, list[float]] = {}

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """Do it and note how long it took; what it gives."""
        began = time.perf_counter()
        found = work()
        self.parts.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
        return found

    def told(self, name: str) -> str:
        """Median and 95th percentile."""
        values = sorted(self.parts.get(name, [0.0]))
        return f"{statistics.median(values):.1f}/{values[min(len(values) - 1, int(len(values) * 0.95))]:.1f}"


PARTS = ("look", "mark", "rank", "show", "top", "around", "total", "cpu", "store")


def tick_once(view: Any, market: Any, tick: Any, clock: Clock, me: int) -> None:
    """Everything between the prices of a tick and the answers."""
    from contests.selectors.standings import standings_page
    from contests.services import standings
    from trading.services import marking
    from trading.services.book import book_of

    book, shown = book_of(market.id), standings.show
    clock.run("look", lambda: (book.look(market, tick), marking._fills_read(book)))
    began, used = time.perf_counter(), time.process_time()
    clock.run("mark", lambda: book.mark(tick))
    standings.show = lambda *arguments: clock.run("show", lambda: shown(*arguments))
    try:
        clock.run("rank", lambda: standings.standings_show(market, tick))
    finally:
        standings.show = shown
    clock.parts["rank"][-1] -= clock.parts["show"][-1]
    top = clock.run("top", lambda: standings_page(view.id, size=TOP, sparklines=False))
    near = clock.run("around", lambda: standings_page(view.id, size=AROUND, around_account=me, sparklines=False))
    clock.parts.setdefault("total", []).append((time.perf_counter() - began) * 1e3)
    clock.parts.setdefault("cpu", []).append((time.process_time() - used) * 1e3)
    assert top.tick == near.tick == tick.index
    assert [row.rank for row in top.rows] == list(range(1, TOP + 1))
    assert me in [row.account_id for row in near.rows]
    assert AROUND // 2 < len(near.rows) <= AROUND  # fewer at the bottom
    book.stored(tick.day_index)


def measure(number: int, ticks: int, trades: int) -> None:
    """Ticks of one contest, then the same ranks in other ways."""
    from django.db import connection

    from contests.models import Participant
    from marketdata import selectors
    from marketdata.selectors.markets import market_row, tick_of
    from trading.services import marking
    from trading.services.book import book_of, forget

    began = time.perf_counter()
    view, draw, clock = contest_of(number), random.Random(5), Clock()
    built = time.perf_counter() - began
    forget()  # what came in by SQL told nobody
    market, tick = selectors.market_view(view.market_id), tick_of(market_row(view.market_id))
    ids = list(Participant.objects.filter(contest_id=view.id).order_by("id").values_list("account_id", flat=True))
    tick_once(view, market, tick, Clock(), ids[0])
    before = rss_mb()
    for _ in range(ticks):
        some, name = draw.sample(ids, min(trades, len(ids))), time.time_ns()
        with connection.cursor() as cursor:
            cursor.execute(FILL, [some, name, name, some])
        tick = moved(tick, tick.index + 1, draw)
        tick_once(view, market, tick, clock, draw.choice(ids))
    after = rss_mb()
    book_of(market.id).day = -1  # a new day: every mark is written
    clock.run("store", lambda: marking._store(book_of(market.id), moved(tick, tick.index + 1, None)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE trading_accountmark")
    others(view, clock, draw.choice(ids), ids)
    figures = " ".join(f"{clock.told(name):>12}" for name in PARTS)
    print(f"{number:>8,} {built:>7.1f} {figures} {before:>7.0f} {after - before:>+7.1f}")
    print(f"{'':>16} " + ", ".join(f"{name} {clock.told(name)}" for name in ("read", "window", "zset")), flush=True)


def others(view: Any, clock: Clock, me: int, ids: list[int]) -> None:
    """Other ways to the first 100 and the 21 around somebody."""
    from django.db import connection

    from contests.models import Contest
    from contests.selectors.standings import table_compute
    from core.redis import client
    from trading.selectors import group_marks

    contest = Contest.objects.get(pk=view.id)
    values = {"contest": view.id, "top": TOP, "me": me}
    for _ in range(10):
        clock.run("read", lambda: table_compute(contest))
        with connection.cursor() as cursor:
            clock.run("window", lambda cursor=cursor: (cursor.execute(WINDOW, values), cursor.fetchall()))
    worth = dict(zip(ids, group_marks(view.group_id).equity.tolist(), strict=True))

    def zset() -> None:
        pipe = client().pipeline(transaction=True)
        pipe.zadd("bench", worth)
        pipe.zrevrange("bench", 0, TOP - 1, withscores=True)
        pipe.zrevrank("bench", me)
        place = int(pipe.execute()[-1])
        client().zrevrange("bench", max(place - 10, 0), place + 10, withscores=True)

    for _ in range(10):
        worth = {ident: value + 1 for ident, value in worth.items()}
        clock.run("zset", zset)
    client().delete("bench")


def main() -> None:
    """Parse, prepare, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--ticks", type=int, default=200)
    parser.add_argument("--trades", type=int, default=20, help="accounts that trade between two ticks")
    options = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(f"{'people':>8} {'built s':>7} " + " ".join(f"{name:>12}" for name in PARTS) + f" {'RSS':>7} {'growth':>7}")
    for number in options.people:
        measure(number, options.ticks, options.trades)


if __name__ == "__main__":
    main()
