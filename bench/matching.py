r"""The matching pass: 100,000 resting orders over 500 symbols meet batches of 500 quotes.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/matching.py [--orders 100000] [--accounts 2000]

Orders of every resting kind, of cash and margin accounts, lie on both sides of each symbol's price. A batch is one call
of `match_tick`: find the orders that 500 quotes can touch, decide each under its account's lock, write and commit.
Three days: quiet (the quotes touch nothing), busy (an eighth of the symbols makes a new low, which fills about 0.1 % of
the orders and takes trailing stops along), crash (all symbols fall at once, about 5 % fill). At the end
`verify_books` proves the books.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

CENT = Decimal("0.01")
START = Decimal(100)
REACH = 2000  # orders lie up to so many cents from the price, evenly
COLUMNS = (
    *("id", "account_id", "listing_id", "symbol", "side", "type", "time_in_force", "quantity", "limit_price"),
    *("stop_price", "trail_amount", "extreme", "status", "reserved_minor", "accepted_tick", "seen_tick", "wake"),
    *("wake_price", "client_order_id", "source", "code", "message", "market_at"),
)


def market_of(symbols: int) -> Any:
    from marketdata.tests.factories import replay_market

    bars = {f"S{number:03d}": [(100, 100, 100, 100)] * 3 for number in range(symbols)}
    return replay_market(bars, warmup=1, ticks=1, slug=f"bench-{time.time_ns()}", volume=10_000_000)


def accounts_open(market: Any, number: int) -> list[int]:
    """Half of them cash, half margin that may go short."""
    from django.db import transaction

    from accounts.models import User
    from core.money import Money
    from trading.domain.margin import Terms
    from trading.services.accounts import account_open_in_tx

    kinds = (Terms(), Terms(kind="margin", leverage=Decimal(2), short=True))
    found = []
    with transaction.atomic():
        for index in range(number):
            name = f"bench{time.time_ns()}-{index}"
            owner = User.objects.create(email=f"{name}@example.com", display_name=name, password="!")
            found.append(
                account_open_in_tx(
                    owner_id=owner.pk,
                    market_id=market.id,
                    group_id=None,
                    purpose="house",
                    label="Bench",
                    initial=Money.of("1000000", "USD"),
                    terms=kinds[index % 2],
                )
            )
    return found


def order_row(number: int, draw: random.Random, accounts: list[int], listings: list[Any], at: Any) -> dict[str, Any]:
    """One resting order, consistent with what placing it would have stored."""
    index = number % len(accounts)
    may_sell = index % 2 == 1
    side = draw.choice(("buy", "sell")) if may_sell else "buy"
    kind = draw.choices(("limit", "stop", "stop_limit", "trailing_stop"), (75, 15, 9, 1))[0]
    away = CENT * draw.randint(6, REACH)
    sign = 1 if side == "buy" else -1
    listing = draw.choice(listings)
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    quantity = Decimal(draw.randint(1, 20))
    limit, stop = START - sign * away, START + sign * away
    row |= {"wake": "bl" if sign > 0 else "sl", "wake_price": limit}
    if kind != "limit":
        row |= {"wake": "up" if sign > 0 else "dn", "wake_price": stop, "stop_price": stop}
    if kind == "trailing_stop":
        row |= {"trail_amount": away, "extreme": START, "wake": "tu" if sign > 0 else "td"}
    if kind in ("limit", "stop_limit"):
        row["limit_price"] = limit if kind == "limit" else stop + sign
    return row | {
        "id": number + 1,
        "account_id": accounts[index],
        "listing_id": listing.id,
        "symbol": listing.symbol,
        "side": side,
        "type": kind,
        "time_in_force": "gtc",
        "quantity": quantity,
        "status": "accepted",
        "reserved_minor": int(quantity * (limit if kind == "limit" else stop) * 102),
        "accepted_tick": 0,
        "seen_tick": 0,
        "client_order_id": "",
        "source": "bench",
        "code": "",
        "message": "",
        "market_at": at,
    }


def orders_store(rows: list[dict[str, Any]]) -> None:
    """Straight into the tables: what is measured is matching, not placing."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy(f"COPY trading_order ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([row[name] for name in COLUMNS])
        cursor.execute("SELECT setval('trading_order_id', (SELECT max(id) FROM trading_order))")
        cursor.execute(
            "INSERT INTO trading_ordertransition (order_id, from_status, to_status, reason) "
            "SELECT id, 'initialized', 'accepted', '' FROM trading_order"
        )
        cursor.execute(
            "UPDATE trading_account a SET reserved_minor = o.held, open_orders_count = o.n FROM (SELECT account_id, "
            "sum(reserved_minor) AS held, count(*) AS n FROM trading_order GROUP BY 1) o WHERE o.account_id = a.id"
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE trading_order, trading_account, trading_position")


class Day:
    """A market whose quotes we set ourselves."""

    def __init__(self, market: Any) -> None:
        from marketdata import selectors

        self.market = market
        self.tick = selectors.tick_of(selectors.market_row(market.id))
        self.last = dict.fromkeys(self.tick.quotes, START)
        self.draw = random.Random(11)

    def batch(self, share: float, part: float) -> tuple[float, int, int]:
        """One tick at which a part of the symbols makes a new low that reaches a share of their orders.

        (seconds, fills, orders changed) of the pass. Orders lie evenly on both sides: a fall reaches half of them.
        """
        from django.db import connection

        from trading.services.matching import match_tick

        index, at = self.tick.index + 1, self.tick.at + timedelta(seconds=1)
        for symbol in self.draw.sample(list(self.last), round(len(self.last) * part)):
            self.last[symbol] -= CENT * round(2 * share * REACH)
        quotes = {
            symbol: replace(
                quote, bid=self.last[symbol] - CENT, ask=self.last[symbol] + CENT, last=self.last[symbol], tick=index,
                at=at, is_open_print=False, is_close_print=False,
            )
            for symbol, quote in self.tick.quotes.items()
        }  # fmt: skip
        self.tick = replace(self.tick, index=index, at=at, phase=1, is_new_day=False, quotes=quotes)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE marketdata_market SET tick = %s, tick_at = %s WHERE id = %s", [index, at, self.market.id]
            )
        began = time.perf_counter()
        fills = match_tick(self.market, self.tick)
        taken = time.perf_counter() - began
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM trading_order WHERE seen_tick = %s", [index])
            return taken, fills, cursor.fetchone()[0]


def report(name: str, rows: list[tuple[float, int, int]], symbols: int) -> None:
    times = [row[0] for row in rows]
    found = sorted(times)
    p50, p95 = statistics.median(found) * 1000, found[min(len(found) - 1, int(len(found) * 0.95))] * 1000
    rate = symbols * len(times) / sum(times)
    fills, changed = sum(row[1] for row in rows) / len(rows), sum(row[2] for row in rows) / len(rows)
    each = statistics.mean(times) / changed * 1000 if changed else 0
    print(
        f"{name:>6} {len(times):>7} {changed:>8.0f} {fills:>6.0f} {p50:>9.1f} {p95:>9.1f} {rate:>10.0f} {each:>8.2f}",
        flush=True,
    )


def measure(day: Day, options: argparse.Namespace) -> None:
    print("   day batches  changed  fills    p50 ms    p95 ms   quotes/s  ms each")
    day.batch(0, 0)  # the first pass of a process warms its caches
    for name, share, part, batches in (
        ("quiet", 0.0, 0.0, options.batches),
        ("busy", 0.008, 0.125, options.batches),
        ("crash", 0.05, 1.0, options.crashes),
    ):
        report(name, [day.batch(share, part) for _ in range(batches)], len(day.tick.quotes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--crashes", type=int, default=4)
    parser.add_argument("--profile", action="store_true", help="Where the time of this process goes")
    options = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command

    from core.services.books import verify
    from marketdata import selectors

    call_command("migrate", verbosity=0)
    market = market_of(options.symbols)
    accounts = accounts_open(market, options.accounts)
    draw = random.Random(7)
    listings, at = selectors.listings(market.id), selectors.market_clock(market.id).at
    orders_store([order_row(number, draw, accounts, listings, at) for number in range(options.orders)])
    print(f"{options.orders:,} orders of {options.accounts:,} accounts over {options.symbols} symbols", flush=True)
    day = Day(market)
    if options.profile:
        import cProfile
        import pstats

        with cProfile.Profile() as profile:
            measure(day, options)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    else:
        measure(day, options)
    sound = verify()
    print("books:", "sound" if sound.is_sound else [item for item in sound.outcomes if item.mismatches])


if __name__ == "__main__":
    main()
