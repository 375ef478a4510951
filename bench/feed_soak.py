"""The feed under load: 2,000 companies of the simulated exchange at 10,000 quotes a second into the real feed process.

    bin/with-services .venv/bin/python bench/feed_soak.py [--seconds 300] [--symbols 2000] [--rate 10000]

`manage.py run_feed` runs as a process of its own with Redis and PostgreSQL; the exchange is in it. Watched are: what
the feed says of itself, and CPU and memory of all its threads from /proc, the exchange's included. Afterwards the
candle of each whole minute must be the one that `recomputed` (which shares nothing with the roller) makes of that
minute's prints: the exchange is a function of time, so they are drawn again here. Lag is from hearing a quote to the
board having it, of two seconds a sample; the first ten seconds, in which the process starts, are printed apart.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

MINUTE = 60_000_000
SETTLE_SECONDS = 15.0  # after a minute has ended its candles are stored
START_SECONDS = 10.0
SAMPLE_SECONDS = 2.0
SLOW_MS = 300
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Watched:
    """What was seen of the feed process."""

    pid: int
    began: float = 0.0
    cpu: float = 0.0
    passed: float = 0.0
    used: float = 0.0
    delay: float = 0.0
    delayed: float = 0.0
    rss: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    start: list[dict[str, Any]] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """CPU time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def delay_seconds(self) -> float:
        """How long its threads have been ready to run and waited for a core."""
        found = [path.read_text().split() for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat")]
        return sum(int(fields[1]) for fields in found) / 1e9

    def sample(self, meta: dict[str, Any]) -> None:
        """One look."""
        self.rss.append(int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 1e6)
        self.passed = time.monotonic() - self.began
        self.used = self.cpu_seconds() - self.cpu
        self.delayed = self.delay_seconds() - self.delay
        (self.rows if self.passed >= START_SECONDS else self.start).append(meta)


def watch(process: subprocess.Popen[bytes], seconds: float) -> tuple[Watched, int, int]:
    """Watch for so long, then until the minute in progress is stored; (what was seen, first, last whole minute)."""
    from marketdata.adapters.live_board import live_meta

    found, deadline = Watched(process.pid), time.monotonic() + 60.0
    while not ((meta := live_meta()) and meta["quotes_per_second"]):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("the feed does not start")
        time.sleep(0.1)
    found.began, found.cpu, found.delay = time.monotonic(), found.cpu_seconds(), found.delay_seconds()
    first = (time.time_ns() // 1_000 // MINUTE + 1) * MINUTE
    until = time.time() + seconds
    last = int(until * 1e6) // MINUTE * MINUTE
    if last <= first:
        last = first + MINUTE
    seen = None
    while time.time() < max(until, last / 1e6 + SETTLE_SECONDS):
        time.sleep(SAMPLE_SECONDS / 4)
        if process.poll() is not None:
            sys.exit(f"the feed ended by itself with {process.returncode}")
        meta = live_meta()
        if meta is not None and meta["at"] != seen:
            seen = meta["at"]
            found.sample(meta)
    return found, first, last


def candles_check(first: int, last: int, symbols: int, rate: int) -> tuple[int, int]:
    """(candles compared, those that differ from the ones recomputed from the exchange's prints), minute by minute."""
    import numpy as np
    from django.conf import settings
    from django.db import connection

    from marketdata.domain.candles import recomputed
    from marketdata.domain.feed import Print, at_of
    from marketdata.domain.simulated import CENT, UNITS, SimulatedExchange, unit_of
    from marketdata.domain.simulated_universe import universe
    from marketdata.models import Instrument

    exchange = SimulatedExchange(settings.SIMULATED_SEED, symbols, rate)
    ids = dict(Instrument.objects.filter(exchange="SIMX").values_list("symbol", "id"))
    companies = universe(symbols)
    compared = wrong = 0
    for minute in range(first, last, MINUTE):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT instrument_id, minutes, (extract(epoch FROM at) * 1000000)::bigint, open, high, low, close,"
                " volume, trades FROM marketdata_intradaybar WHERE minutes = 1 AND at = %s",
                [at_of(minute)],
            )
            stored = {row[0]: row for row in cursor.fetchall()}
        expected = {}
        for begin in range(0, symbols, 200):
            part = companies[begin : begin + 200]
            rows = np.array([company.index for company in part], dtype=np.int64)
            table = exchange.prints(rows, unit_of(at_of(minute)), 60 * UNITS // exchange.step)
            prints = [
                Print(part[row].symbol, int(at), last=int(price) * CENT, size=int(size))
                for row in range(len(part))
                for at, price, size, due, halted in zip(
                    table.at, *(a[row] for a in (table.last, table.size, table.due, table.halted)), strict=True
                )
                if due and not halted
            ]
            expected |= {row[0]: row for row in recomputed(prints, ids)}
        compared += len(expected)
        wrong += sum(stored.get(key) != row for key, row in expected.items()) + len(set(stored) - set(expected))
    return compared, wrong


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--symbols", type=int, default=2_000)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="where what the feed prints goes")
    return parser.parse_args()


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def report(found: Watched) -> None:
    rows = found.rows or found.start
    for name, some in (("board lag", rows), ("board lag in the first ten seconds", found.start)):
        p50s, p99s = [row["lag_p50_ms"] for row in some], [row["lag_p99_ms"] for row in some]
        worst = f"worst sample: p50 {max(p50s, default=0)} ms, p99 {max(p99s, default=0)} ms"
        print(f"{name}: p50 {middle(p50s)} ms, p99 {middle(p99s)} ms; {worst} ({len(some)} samples)")
    if slow := [f"{row['at'][11:19]} {row['lag_p99_ms']} ms" for row in rows if row["lag_p99_ms"] > SLOW_MS]:
        print(f"p99 above {SLOW_MS} ms at: {', '.join(slow[:20])}")
    times = [datetime.fromisoformat(row["at"]).timestamp() for row in rows]
    spans = [after - before for before, after in pairwise(times)]
    taken = sum(row["quotes_per_second"] * span for row, span in zip(rows[1:], spans, strict=True))
    print(f"quotes taken: {taken / max(sum(spans), 1e-9):,.0f} a second")
    print(f"coalesced: {rows[-1]['coalesced']}, most waiting: {max(row['details']['waiting'] for row in rows)}")
    print(f"CPU: {100 * found.used / found.passed:.0f} % of one core over {found.passed:.0f} s", end="; ")
    print(
        f"waited for a core that others had: {100 * found.delayed / found.passed:.0f} % (load {os.getloadavg()[0]:.1f})"
    )
    print(f"memory: {found.rss[0]:.0f} MB, {found.rss[len(found.rss) // 2]:.0f} MB, {found.rss[-1]:.0f} MB")


def main() -> None:
    chosen = options()
    os.environ |= {
        "SIMULATED_SYMBOLS": str(chosen.symbols),
        "SIMULATED_QUOTES_PER_SECOND": str(chosen.rate),
        "DATA_SOURCE": "simulated",
        "STOCK_POOL": "",
    }
    for name, value in (("DEBUG", "0"), ("SECRET_KEY", secrets.token_urlsafe(64)), ("LOG_LEVEL", "WARNING")):
        os.environ.setdefault(name, value)
    import django

    django.setup()
    from django.core.management import call_command

    from marketdata.services.exchanges import exchanges_seed
    from marketdata.services.simulated import simulated_instruments_ensure

    call_command("migrate", verbosity=0)
    exchanges_seed()
    simulated_instruments_ensure(count=chosen.symbols)
    command = [sys.executable, str(ROOT / "manage.py"), "run_feed"]
    with chosen.log.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            found, first, last = watch(process, chosen.seconds)
            process.send_signal(signal.SIGTERM)
            code = process.wait(20.0)
        finally:
            process.kill()
    report(found)
    count, wrong = candles_check(first, last, chosen.symbols, chosen.rate)
    times = f"{datetime.fromtimestamp(first / 1e6, tz=UTC):%H:%M} to {datetime.fromtimestamp(last / 1e6, tz=UTC):%H:%M}"
    print(f"candles equal to a recomputation from the prints: {count - wrong:,} of {count:,} ({times} UTC)")
    print(f"stopped with {code}")
    sys.exit(1 if wrong or not count or code else 0)


if __name__ == "__main__":
    main()
