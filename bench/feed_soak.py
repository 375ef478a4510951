r"""The feed under load: 2,000 companies of the simulated exchange at 10,000 quotes a second into the real feed process.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/feed_soak.py [--seconds 300] [--symbols 2000] [--rate 10000]

The feed runs in a process of its own with Redis and PostgreSQL, as `manage.py run_feed` does; the exchange is in it.
What its stream says is written to a file beside. Afterwards this process checks: each whole minute's candle in the
database must be the one that comes out of that file by `recomputed` (which shares nothing with the roller), and what
the exchange gives as its bars of those minutes must be the same again. Lags are from the vendor's time and from hearing a
quote to the board having it. CPU and memory are the feed process's, simulated exchange and writing the file included.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

MINUTE = 60_000_000
GRACE_SECONDS = 12.0


class Recorded:
    """The simulated provider, with every trade of its stream written down."""

    def __init__(self, provider: Any, path: Path) -> None:
        self._provider, self._file = provider, path.open("wb")
        self.said = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def stream(self, symbols: Any, sink: Any, stop: Event) -> None:
        from marketdata.domain.providers import StreamSink

        def prints(batch: Any) -> None:
            self.said += len(batch)
            pickle.dump([(p.symbol, p.at, p.last, p.size) for p in batch if p.last], self._file, protocol=5)
            sink.prints(batch)

        try:
            self._provider.stream(symbols, StreamSink(prints, sink.bars, sink.connected, sink.odd), stop)
        finally:
            self._file.flush()


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def sample(process: Any, provider: Recorded, seconds: float, found: dict[str, Any], stop: Event) -> None:
    """Watch from a thread: once a second what the feed says of itself."""
    from marketdata.adapters.live_board import live_meta

    began, cpu, said = time.monotonic(), time.process_time(), 0
    rows: list[dict[str, Any]] = []
    while time.monotonic() - began < seconds:
        time.sleep(2.0)
        meta = live_meta()
        if meta is not None and provider.said:
            rows.append({**meta, "rss": rss_mb()})
        if not said and provider.said:
            began, cpu, said = time.monotonic(), time.process_time(), provider.said
    passed = time.monotonic() - began
    found |= {
        "seconds": round(passed, 1),
        "in_per_second": round((provider.said - said) / passed),
        "cpu_cores": round((time.process_time() - cpu) / passed, 3),
        "taken_per_second": round(sum(row["quotes_per_second"] for row in rows) / max(len(rows), 1)),
        "lags": [[row["lag_p50_ms"], row["lag_p99_ms"]] for row in rows[1:]],
        "vendor_lags": [row["details"].get("vendor_lag_ms", [0.0, 0.0]) for row in rows[1:]],
        "rss_mb": [round(rows[at]["rss"]) for at in (0, len(rows) // 2, -1)] if rows else [],
        "coalesced": process.inbox.coalesced,
        "anomalies": rows[-1]["anomalies"] if rows else 0,
        "waiting": max((row["details"]["waiting"] for row in rows), default=0),
    }
    time.sleep(max(0.0, GRACE_SECONDS + 60 - time.time() % 60) if options().settle else 0.0)
    stop.set()


def feed(path: Path, seconds: float) -> None:
    """The child: the real feed process."""
    import django

    django.setup()
    from marketdata.adapters.vendors import simulated
    from marketdata.services.feed.process import SIMULATED, FeedProcess

    stop = Event()
    provider = Recorded(simulated.build(), path)
    process = FeedProcess(stop, provide=lambda _name: provider, chains={SIMULATED: ["simulated"]})
    found: dict[str, Any] = {}
    watcher = Thread(target=sample, args=(process, provider, seconds, found, stop), daemon=True)
    watcher.start()
    process.run()
    watcher.join(10.0)
    path.with_suffix(".json").write_text(json.dumps(found))


def candles_check(path: Path) -> tuple[int, int, int]:
    """(candles compared, those that differ from the recomputed ones, those that differ from the exchange's bars)."""
    from django.db import connection

    from marketdata.adapters.vendors import simulated
    from marketdata.domain.candles import recomputed
    from marketdata.domain.feed import Print, at_of
    from marketdata.models import Instrument

    prints: list[Print] = []
    with path.open("rb") as file:
        while True:
            try:
                prints += [Print(symbol, at, last=last, size=size) for symbol, at, last, size in pickle.load(file)]
            except EOFError:
                break
    ids = dict(Instrument.objects.filter(exchange="SIMX").values_list("symbol", "id"))
    first = (min(item.at for item in prints) // MINUTE + 1) * MINUTE
    last = max(item.at for item in prints) // MINUTE * MINUTE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT instrument_id, minutes, (extract(epoch FROM at) * 1000000)::bigint, open, high, low, close, volume,"
            " trades FROM marketdata_intradaybar WHERE minutes = 1 AND at >= %s AND at < %s",
            [at_of(first), at_of(last)],
        )
        stored = {(row[0], row[2]): row for row in cursor.fetchall()}
    expected = {(row[0], row[2]): row for row in recomputed(prints, ids) if first <= row[2] < last}
    wrong = sum(stored.get(key) != row for key, row in expected.items()) + len(set(stored) - set(expected))
    provider, other = simulated.build(), 0
    for symbol in list(ids)[:: max(1, len(ids) // 200)]:
        bars = provider.bars(symbol, minutes=1, start=at_of(first), end=at_of(last))
        for bar in (bar for page in bars for bar in page):
            row = (ids[symbol], 1, bar.at, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
            other += expected.get((ids[symbol], bar.at)) != row
    return len(expected), wrong, other


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--symbols", type=int, default=2_000)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--settle", type=int, default=1, help="wait until the last whole minute is stored")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true", help="Where the time of the feed's loop goes")
    return parser.parse_args()


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def main() -> None:
    chosen = options()
    os.environ |= {
        "SIMULATED_SYMBOLS": str(chosen.symbols),
        "SIMULATED_QUOTES_PER_SECOND": str(chosen.rate),
        "DATA_SOURCE": "simulated",
        "STOCK_POOL": "",
    }
    if chosen.child:
        if chosen.profile:
            import cProfile
            import pstats

            with cProfile.Profile() as profile:
                feed(Path(chosen.child), chosen.seconds)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        else:
            feed(Path(chosen.child), chosen.seconds)
        return
    import django

    django.setup()
    from django.core.management import call_command

    from marketdata.services.exchanges import exchanges_seed
    from marketdata.services.simulated import simulated_instruments_ensure

    call_command("migrate", verbosity=0)
    exchanges_seed()
    simulated_instruments_ensure(count=chosen.symbols)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prints"
        command = [sys.executable, __file__, "--child", str(path), "--seconds", str(chosen.seconds)]
        command += ["--settle", str(chosen.settle), *(["--profile"] if chosen.profile else [])]
        subprocess.run(command, check=True, timeout=chosen.seconds + 240)
        found = json.loads(path.with_suffix(".json").read_text())
        count, wrong, other = candles_check(path)
    for name in ("lags", "vendor_lags"):
        pairs = found.pop(name)
        p50, p99 = middle([p for p, _ in pairs]), middle([p for _, p in pairs])
        worst = max((p for _, p in pairs), default=0)
        print(f"{'heard' if name == 'lags' else 'vendor time'} to board: p50 {p50} ms, p99 {p99} ms (worst {worst} ms)")
    for name, value in found.items():
        print(f"{name}: {value}")
    print(f"candles equal to a recomputation from the raw stream: {'no' if wrong else 'yes'} ({count}, {wrong} differ)")
    print(f"the exchange's own bars equal to them: {'no' if other else 'yes'} ({other} differ)")
    sys.exit(1 if wrong or other or not count else 0)


if __name__ == "__main__":
    main()
