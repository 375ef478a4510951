r"""A year of a prop firm: funded accounts with styles of their own trade a market with crashes, through the order path.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=ERROR \
        bin/with-services .venv/bin/python bench/prop_year.py [--accounts 1000 --days 252 --seed 8]

Every account is bought and opened as a trader's is, on a replay of drawn prices: correlated walks, with days on which
everything falls by 8 to 25 % between two prints. Then it is told, exit code 1 if anything of it does not hold:

- every verdict that was given is computed again from its evidence alone (`verify`, what `verify_verdict FILE` runs);
- what the equity curves say by themselves: daily and trailing floors are computed anew from the marks, without the
  rule engine, and the first mark below a floor is compared with the tick at which the account was closed. No account
  may outlive its floor by more than one mark, and none may be closed above it;
- the floors that are drawn under a curve (`floor_courses`) are those, at every mark of every account;
- the books agree (`verify_books`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

SYMBOLS = 8
ZONE = ZoneInfo("America/New_York")
DAILY, MOST, SIZE = 4, 8, 100_000_00
CRASHES = (-0.08, -0.12, -0.17, -0.25)
RULES = [
    {"kind": "daily_loss", "amount": {"basis": "initial", "value": str(DAILY)}, "reference": "equity",
     "reset": {"time": "00:00", "zone": "America/New_York"}},
    {"kind": "max_loss", "amount": {"basis": "initial", "value": str(MOST)}, "trailing": "intraday", "lock": "initial"},
    {"kind": "max_gross_exposure", "amount": {"basis": "equity", "value": "200"}},
    {"kind": "payout", "first_after_days": 14, "every_days": 14, "split_percent": "80"},
]  # fmt: skip


@dataclass
class Trader:
    """Somebody with a style: how often they trade, how much of the account at once, how they turn."""

    account_id: int
    who: Any
    often: float
    share: float
    holds: int
    short: float
    position: dict[str, Decimal] = field(default_factory=dict)


def prices(days: int, seed: int) -> dict[str, list[tuple[str, str, str, str]]]:
    """Bars of each symbol: a walk with a common part; on a crash day everything opens far below the last close."""
    draw = np.random.default_rng(seed)
    crash = set(draw.choice(np.arange(5, max(days - 2, 7)), size=min(len(CRASHES), max(days // 40, 1)), replace=False))
    common = draw.normal(0.0004, 0.011, days)
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for number in range(SYMBOLS):
        last, rows = 60.0 + 20 * number, []
        for day in range(days):
            gap = 1 + (CRASHES[len(crash) and day % len(CRASHES)] if day in crash else draw.normal(0, 0.004))
            opened = max(last * gap, 1.0)
            closed = max(opened * (1 + common[day] + draw.normal(0, 0.014)), 1.0)
            low = min(opened, closed) * (1 - abs(draw.normal(0, 0.006)))
            high = max(opened, closed) * (1 + abs(draw.normal(0, 0.006)))
            rows.append(tuple(f"{value:.2f}" for value in (opened, high, low, closed)))
            last = float(rows[-1][3])
        found[f"Y{number}"] = rows  # type: ignore[assignment]
    return found


def opened(market: Any, number: int, draw: random.Random) -> list[Trader]:
    """Accounts of an instant plan, bought and paid for, with a style each."""
    from accounts.models import CLEARED_ALWAYS, User
    from propfirm.models import PropPhase
    from propfirm.tests import factories as make

    terms = {"kind": "margin", "leverage": "2", "short": True}
    plan = make.plan(market, steps="instant", funded=RULES, terms=terms, max_accounts=100)
    found, owner = [], None
    for index in range(number):
        if index % 50 == 0:
            mark = f"year{time.time_ns()}"
            owner = User.objects.create(
                email=f"{mark}@example.com", display_name=mark, password="!", clearance=CLEARED_ALWAYS
            )
        account, who = make.prop_account(plan, owner)
        phase = PropPhase.objects.get(account=account)
        found.append(
            Trader(
                phase.trading_account_id, who,
                often=draw.choice([0.01, 0.03, 0.08, 0.15]), share=draw.choice([0.05, 0.1, 0.2, 0.4, 0.8, 1.5]),
                holds=draw.choice([2, 8, 40]), short=draw.choice([0.0, 0.2, 0.5]),
            )
        )  # fmt: skip
    return found


def act(trader: Trader, quotes: dict[str, Any], draw: random.Random) -> int:
    """At most one order: close what has been held for long enough, or open something. How many were placed."""
    from trading.domain.types import OrderRequest
    from trading.services.orders import order_place

    if draw.random() >= trader.often:
        return 0
    held = [symbol for symbol, quantity in trader.position.items() if quantity]
    if held and (len(held) > 2 or draw.random() < 1 / trader.holds * 4):
        symbol = draw.choice(held)
        side, quantity = ("sell" if trader.position[symbol] > 0 else "buy"), abs(trader.position[symbol])
    else:
        symbol = draw.choice(list(quotes))
        side = "sell" if draw.random() < trader.short else "buy"
        quantity = Decimal(int(SIZE / 100 * trader.share / float(quotes[symbol].last)))
    if not quantity:
        return 0
    request = OrderRequest(symbol=symbol, side=side, quantity=quantity, type="market", time_in_force="ioc")
    view = order_place(actor=trader.who, account_id=trader.account_id, request=request, idempotency_key=None)
    if Decimal(view.filled_quantity):
        filled = Decimal(view.filled_quantity)
        signed = filled if side == "buy" else -filled
        trader.position[symbol] = trader.position.get(symbol, Decimal(0)) + signed
    return 1


def play(market: Any, traders: list[Trader], draw: random.Random) -> tuple[int, int]:
    """The year, tick by tick; (ticks, orders)."""
    from core.services.outbox import drain
    from marketdata.services.ticks import tick_advance
    from trading.models import Account

    living = {trader.account_id: trader for trader in traders}
    orders = ticks = 0
    while (tick := tick_advance(market_id=market.id)) is not None:
        ticks += 1
        for trader in list(living.values()):
            orders += act(trader, tick.quotes, draw)
        if ticks % 4 == 0:
            drain(limit=100_000, seconds=600)
            locked = Account.objects.filter(pk__in=living, status="locked").values_list("pk", flat=True)
            for account_id in list(locked):
                del living[account_id]
        if tick.is_last:
            break
    drain(limit=1_000_000, seconds=3600)
    return ticks, orders


def verdicts_hold(account_ids: list[int]) -> tuple[Counter[str], list[str]]:
    """Verdicts by kind and code, and those that do not follow from their evidence."""
    from trading.domain.rules import verify
    from trading.models import Verdict

    counted: Counter[str] = Counter()
    wrong = []
    rows = Verdict.objects.filter(account_id__in=account_ids).order_by("pk")
    for row in rows.iterator(chunk_size=200):
        names = ("kind", "rule_key", "code", "message", "evidence")
        found = verify(json.loads(json.dumps({name: getattr(row, name) for name in names})))
        counted[f"{row.kind} {row.code}"] += 1
        if not found.ok:
            wrong.append(f"verdict {row.pk}: {found.differences[:2]}")
    return counted, wrong


def floors_hold(account_ids: list[int]) -> tuple[dict[str, int], list[str]]:
    """Each account's curve against its floors, computed anew; what does not fit, in words."""
    from trading.models import AccountRules, EquityPoint

    wrong, lags = [], Counter[str]()
    rows = AccountRules.objects.filter(account_id__in=account_ids)
    for rules in rows.iterator(chunk_size=200):
        marks = list(
            EquityPoint.objects.filter(account_id=rules.account_id)
            .order_by("tick")
            .values_list("tick", "market_at", "equity_minor")
        )
        points = [(at, equity) for _, at, equity in marks]
        costs = costs_of(rules.account_id)
        floors = floors_anew(points, [costs[tick] for tick, *_ in marks])
        breach = next((at for (at, equity), lines in zip(points, floors, strict=True) if equity < max(lines)), None)
        closed = None if rules.status != "failed" else datetime.fromisoformat(rules.state["closed_at"])
        name = f"account {rules.account_id}"
        wrong += [f"{name}: {text}" for text in drawn_otherwise(rules.account_id, points, floors, closed)][:1]
        if (breach is None) != (closed is None):
            wrong.append(f"{name}: below its floor {breach}, closed {closed}")
        elif breach is not None and closed is not None:
            late = sum(breach < at <= closed for at, _ in points)
            lags[f"closed {late} marks after its floor" if closed >= breach else "closed before its floor"] += 1
            if late > 1 or closed < breach:
                wrong.append(f"{name}: below its floor {breach}, closed {closed}")
    return dict(lags), wrong


def costs_of(account_id: int) -> Counter[int]:
    """What orders right after each tick's mark cost, by tick, minor units: charges, and the way from the last price."""
    from trading.models import Fill

    found: Counter[int] = Counter()
    for fill in Fill.objects.filter(account_id=account_id):
        worth = round(fill.quantity * Decimal(fill.quote["last"]) * 100)
        gap = fill.notional_minor - worth
        found[fill.quote["tick"]] += fill.fee_minor + (gap if fill.side == "buy" else -gap)
    return found


def floors_anew(points: list[tuple[datetime, int]], costs: list[int]) -> list[tuple[int, int]]:
    """The daily and the trailing floor at each mark.

    A reset takes the last mark before it as the reference, less what orders after that mark have cost.
    """
    day, reference, peak, last = None, SIZE, SIZE, SIZE
    found = []
    for (at, equity), cost in zip(points, costs, strict=True):
        today = at.astimezone(ZONE).date()
        if day is not None and today != day:
            reference = last
        day, last, peak = today, equity - cost, max(peak, equity)
        found.append((reference - SIZE * DAILY // 100, min(peak - SIZE * MOST // 100, SIZE)))
    return found


def drawn_otherwise(
    account_id: int, points: list[tuple[datetime, int]], floors: list[tuple[int, int]], closed: datetime | None
) -> list[str]:
    """Marks, up to the one that closed the account, at which another floor is drawn.

    Orders change an equity by whole minor units of each position: a cent for each symbol is left for that.
    """
    from trading.selectors.floors import floor_courses

    curve = [(int(at.timestamp()), equity) for at, equity in points]
    lines = {item.rule_key: item.levels for item in floor_courses(account_id, curve)}
    levels = zip(lines["daily_loss"], lines["max_loss"], strict=True)
    drawn = [tuple(level and level.floor_minor for level in pair) for pair in levels]
    pairs = zip(points, floors, drawn, strict=True)
    return [
        f"floors of {at} are drawn at {shown}, and were {own}"
        for (at, _), own, shown in pairs
        if (closed is None or at <= closed)
        and (shown[1] != own[1] or shown[0] is None or abs(shown[0] - own[0]) > SYMBOLS)
    ]


def run(accounts: int, days: int, seed: int) -> list[str]:
    """Play it and report; what does not hold."""
    from core.services.books import verify as verify_books
    from marketdata.tests.factories import replay_market

    began = time.perf_counter()
    draw = random.Random(seed)
    market = replay_market(prices(days + 1, seed), warmup=1, ticks=1, slug=f"year-{time.time_ns()}", volume=50_000_000)
    traders = opened(market, accounts, draw)
    ids = [trader.account_id for trader in traders]
    made = time.perf_counter()
    ticks, orders = play(market, traders, draw)
    played = time.perf_counter()
    counted, wrong = verdicts_hold(ids)
    lags, late = floors_hold(ids)
    books = verify_books()
    print(f"{accounts} accounts, {days} days, {ticks} marks, {orders} orders, seed {seed}")
    proved = time.perf_counter()
    print(f"opened in {made - began:.0f} s, played in {played - made:.0f} s, proved in {proved - played:.0f} s")
    for name, number in sorted(counted.items()):
        print(f"  {number:6d}  {name}")
    print(f"verdicts computed again: {sum(counted.values())}, not equal: {len(wrong)}")
    for name, number in sorted(lags.items()):
        print(f"  {number:6d}  {name}")
    print(f"accounts that do not fit their curve: {len(late)}; books agree: {books.is_sound}")
    return wrong + late + ([] if books.is_sound else ["the books do not agree"])


def main() -> None:
    """Parse, set up Django, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--days", type=int, default=252)
    parser.add_argument("--seed", type=int, default=8)
    args = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    problems = run(args.accounts, args.days, args.seed)
    for problem in problems[:20]:
        print(problem, file=sys.stderr)
    print(f"ended {datetime.now(tz=UTC):%H:%M} UTC")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
