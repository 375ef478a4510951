"""Clients and matching workers at the same time, as threads and processes of one test or drill.

python -m trading.tests.machine.traffic DATABASE MARKET SECONDS        one matching worker
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SYMBOLS = ("AAA", "BBB")


def walk(start: int, sessions: int, seed: int) -> list[tuple[int, int, int, int]]:
    """Bars of a restless price, in whole units."""
    draw, last, rows = random.Random(seed), start, []
    for _ in range(sessions):
        opens = min(max(last + draw.randint(-3, 3), start // 2), start * 2)
        low, high = opens - draw.randint(0, 4), opens + draw.randint(0, 4)
        last = draw.randint(low, high)
        rows.append((opens, high, low, last))
    return rows


@dataclass
class Client(Thread):
    """Places, cancels, replaces and brackets on one account until told to stop. Refusals are answers, not failures."""

    account_id: int
    actor: Any
    market_id: int
    until: float
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.draw = random.Random(self.seed)

    __hash__ = Thread.__hash__

    def run(self) -> None:
        from django.db import connection

        from core.errors import DomainError

        jobs: list[tuple[Callable[[], Any], int]] = [
            (self.market, 3), (self.limit, 4), (self.stop, 2), (self.bracket, 2), (self.cancel, 3), (self.replace, 3),
        ]  # fmt: skip
        calls, weights = zip(*jobs, strict=True)
        try:
            while time.monotonic() < self.until:
                job = self.draw.choices(calls, weights)[0]
                try:
                    job()
                    self.done[job.__name__] += 1
                except DomainError as error:
                    self.done[error.code] += 1
        except Exception as error:
            self.failures.append(error)
        finally:
            connection.close()

    def place(self, kind: str, side: str, **more: Any) -> None:
        from trading.domain.types import OrderRequest
        from trading.services.orders import order_place

        request = OrderRequest(self.symbol, side, Decimal(self.draw.randint(1, 30)), kind, **more)  # type: ignore[arg-type]
        key = f"{self.seed}-{self.done.total()}"
        view = order_place(actor=self.actor, account_id=self.account_id, request=request, idempotency_key=key)
        self.done[view.status] += 1

    def quoted(self) -> Decimal:
        from marketdata import selectors

        self.symbol = self.draw.choice(SYMBOLS)
        quote = selectors.quote_get(self.market_id, self.symbol)
        return Decimal(50) if quote is None else quote.last

    def away(self, most: int = 300) -> Decimal:
        return Decimal(self.draw.randint(1, most)) / 100

    def market(self) -> None:
        self.quoted()
        self.place("market", self.draw.choice(["buy", "buy", "sell"]))

    def limit(self) -> None:
        last, side = self.quoted(), self.draw.choice(["buy", "sell"])
        price = last - self.away() if side == "buy" else last + self.away()
        self.place("limit", side, limit_price=price, time_in_force=self.draw.choice(["day", "gtc", "ioc"]))

    def stop(self) -> None:
        last, side = self.quoted(), self.draw.choice(["buy", "sell"])
        if self.draw.random() < 0.5:
            self.place("trailing_stop", side, trail_amount=self.away(), time_in_force="gtc")
        else:
            self.place("stop", side, stop_price=last + (1 if side == "buy" else -1) * self.away(), time_in_force="gtc")

    def bracket(self) -> None:
        last = self.quoted()
        legs = {"take_profit_price": last + 1 + self.away(), "stop_loss_price": last - 1 - self.away()}
        self.place("limit", "buy", limit_price=last - self.away(90), order_class="bracket", time_in_force="gtc", **legs)

    def some_order(self) -> Any:
        from trading.domain import states
        from trading.models import Order

        return Order.objects.filter(account_id=self.account_id, status__in=states.LIVE).order_by("?").first()

    def cancel(self) -> None:
        from trading.services.changes import order_cancel

        order = self.some_order()
        if order is not None:
            order_cancel(actor=self.actor, order_id=order.pk)

    def replace(self) -> None:
        from trading.domain.revision import Revision
        from trading.services.changes import order_replace

        order = self.some_order()
        if order is None:
            return
        price = self.quoted() + self.away() * self.draw.choice([1, -1])
        revision = Revision(quantity=Decimal(self.draw.randint(1, 30)))
        if order.limit_price is not None and self.draw.random() < 0.7:
            revision = Revision(limit_price=price)
        order_replace(actor=self.actor, order_id=order.pk, revision=revision)


def tick(market_id: int) -> bool:
    """Store and show the market's next tick and leave the work on it to the workers; False when it is over."""
    from marketdata.services.publish import tick_publish
    from marketdata.services.ticks import settlement_done, tick_store

    settlement = tick_store(market_id=market_id)
    if settlement is None:
        return False
    tick_publish(market=settlement.market, tick=settlement.tick)
    settlement_done(market_id)
    return True


def work(market_id: int) -> None:
    """One worker's pass: what time ends, then what the quotes in force touch."""
    from marketdata.selectors import market_row, tick_of, view_of
    from trading.services.expiry import orders_expire_tick
    from trading.services.matching import match_tick

    market = market_row(market_id)
    if market.status == "running" and market.tick >= 0:
        view, found = view_of(market), tick_of(market)
        orders_expire_tick(view, found)
        match_tick(view, found)


def worker_start(market_id: int, seconds: float) -> subprocess.Popen[str]:
    """A matching worker as a process of its own, on the database of this one."""
    from django.conf import settings
    from django.db import connection

    command = [sys.executable, "-m", __name__, str(connection.settings_dict["NAME"]), str(market_id), str(seconds)]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"], "LOG_LEVEL": "WARNING"}
    env["SECRET_KEY"] = settings.SECRET_KEY
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main() -> None:
    import django

    django.setup()
    from django.db import connection

    name, market_id, seconds = sys.argv[1:]
    connection.settings_dict["NAME"] = name
    print("ready", flush=True)  # noqa: T201
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        work(int(market_id))
        time.sleep(0.002)


if __name__ == "__main__":
    main()
