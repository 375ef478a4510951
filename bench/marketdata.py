r"""Cached quote and candle reads through HTTP, loading bars by COPY, and reading a 5-year window of minutes.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/marketdata.py [--bars 10000000] [--seconds 10]

The reads go to the web process exactly as the Procfile starts it, on persistent connections: what a chart that is left
open asks for (TradingView's polling of two candles), a page of candles, one symbol's quote, and a conditional request
that is answered with 304. Bars are loaded a symbol at a time into the partitioned table, in binary COPY, straight (a
first load) and through the staging table (an import, which also merges).
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import signal
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("SECURE_SSL_REDIRECT", "0")
os.environ.update({"THROTTLE_ANON": "100000000/min", "LOG_LEVEL": "WARNING"})

from bench.load import is_whole  # noqa: E402
from bench.orders import cpu_of_group, free_port, start_web  # noqa: E402

MINUTES_A_DAY, DAYS_A_YEAR = 390, 252
FIRST = int(datetime(2020, 1, 2, 14, 30, tzinfo=UTC).timestamp())
CHUNK = 100_000


def bars_of(instrument_id: int, count: int) -> Iterator[dict[str, Any]]:
    """Minutes of sessions of 390, a walk of prices, in chunks."""
    import numpy as np

    rng = np.random.Generator(np.random.PCG64(instrument_id))
    price = 100_000_000
    for begin in range(0, count, CHUNK):
        index = np.arange(begin, min(begin + CHUNK, count), dtype=np.int64)
        day, minute = index // MINUTES_A_DAY, index % MINUTES_A_DAY
        calendar = day // 5 * 7 + day % 5
        closes = np.maximum(price + np.cumsum(rng.integers(-20_000, 20_001, len(index))), 1_000_000)
        opens = np.concatenate(([price], closes[:-1]))
        price = int(closes[-1])
        yield {
            "instrument_id": instrument_id,
            "minutes": 1,
            "at": (FIRST + calendar * 86_400 + minute * 60) * 1_000_000,
            "open": opens,
            "high": np.maximum(opens, closes) + 10_000,
            "low": np.minimum(opens, closes) - 10_000,
            "close": closes,
            "volume": rng.integers(0, 10_000, len(index)),
            "trades": 1,
        }


def seed() -> Any:
    """An instrument with five years of days, and a market that quotes it."""
    from marketdata.tests.factories import InstrumentFactory, bars_create, replay_market

    replay_market(ticks=2, slug=f"bench-{time.time_ns()}")
    found = InstrumentFactory(symbol=f"B{time.time_ns() % 10**9}", exchange="BENCH")
    bars_create(found, [(100, 104, 98, 101)] * (5 * DAYS_A_YEAR))
    return found


def load_bars(total: int) -> int:
    """COPY bars of five years a symbol; the id of the first symbol, whose window is read later."""
    from django.db import connection, transaction

    from marketdata.adapters.bars_binary import NAMES, copy_in
    from marketdata.adapters.bars_copy import COPY_STAGE, stage_create, stage_merge
    from marketdata.adapters.partitions import partitions_ensure
    from marketdata.tests.factories import InstrumentFactory

    each = MINUTES_A_DAY * DAYS_A_YEAR * 5
    first, last = FIRST, FIRST + 86_400 * 366 * 6
    partitions_ensure(datetime.fromtimestamp(first, tz=UTC), datetime.fromtimestamp(last, tz=UTC))
    straight = f"COPY marketdata_intradaybar ({', '.join(NAMES)}) FROM STDIN (FORMAT BINARY)"
    ids, done, began = [], 0, time.perf_counter()
    while done < total:
        row = InstrumentFactory(symbol=f"C{time.time_ns() % 10**10}", exchange="BENCH")
        ids.append(row.pk)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            done += copy_in(straight, bars_of(row.pk, min(each, total - done)))
    spent = time.perf_counter() - began
    print(f"COPY of {done:,} bars of {len(ids)} symbols: {spent:.1f} s, {done / spent:,.0f} rows/s")
    row = InstrumentFactory(symbol=f"C{time.time_ns() % 10**10}", exchange="BENCH")
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        stage_create()
        merged = copy_in(COPY_STAGE, bars_of(row.pk, min(each, total)))
        stage_merge()
    spent = time.perf_counter() - began
    print(f"COPY into the stage and merge of {merged:,} bars: {spent:.1f} s, {merged / spent:,.0f} rows/s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE marketdata_intradaybar")
    return int(ids[0])


def read_window(instrument_id: int, rounds: int) -> None:
    """All minutes of five years of one symbol as arrays, and the same by the candles' selector."""
    from marketdata.adapters.bars_binary import table_read
    from marketdata.selectors.candles import candles

    query = (
        "SELECT extract(epoch FROM at)::bigint, open, high, low, close, volume FROM marketdata_intradaybar"
        " WHERE instrument_id = %s AND minutes = 1 AND at >= '2020-01-01Z' AND at < '2027-01-01Z' ORDER BY at"
    )
    times = []
    rows = 0
    for _ in range(rounds):
        began = time.perf_counter()
        rows = len(table_read(query, [instrument_id], 6))
        times.append(time.perf_counter() - began)
    median = statistics.median(times)
    print(f"reading {rows:,} minutes of one symbol: {median * 1000:.0f} ms, {rows / median:,.0f} rows/s")
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = candles(instrument_id, "1", countback=5_000)
        times.append(time.perf_counter() - began)
    print(f"the last {len(found)} candles of a minute: {statistics.median(times) * 1000:.1f} ms")


def ask(sock: socket.socket, request: bytes) -> bytes:
    sock.sendall(request)
    answer = b""
    while not (is_whole(answer) if b" 304 " not in answer[:20] else answer.endswith(b"\r\n\r\n")):
        chunk = sock.recv(65_536)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        answer += chunk
    return answer


def measure(port: int, group: int, name: str, path: str, seconds: float, connections: int, headers: str = "") -> None:
    """Ask for one address as fast as it is answered; requests a second and the time that one takes."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    status = ask(sockets[0], request)[:12].decode()
    poll = select.epoll()
    began, sent, parts = time.perf_counter(), {}, {}
    cpu = cpu_of_group(group)
    by_file = {each.fileno(): each for each in sockets}
    for file, each in by_file.items():
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(file, select.EPOLLIN)
        sent[file], parts[file] = time.perf_counter(), b""
        each.sendall(request)
    times, busy, bodiless = [], len(sockets), " 304" in status
    while busy:
        for file, _ in poll.poll():
            parts[file] += by_file[file].recv(1 << 20)
            whole = parts[file].endswith(b"\r\n\r\n") if bodiless else is_whole(parts[file])
            if not whole:
                continue
            now = time.perf_counter()
            times.append(now - sent[file])
            if now - began < seconds:
                sent[file], parts[file] = now, b""
                by_file[file].sendall(request)
            else:
                busy -= 1
    elapsed = time.perf_counter() - began
    spent = 1000 * (cpu_of_group(group) - cpu) / len(times)
    for each in sockets:
        each.close()
    times.sort()
    p50, p95 = (1000 * times[int(len(times) * share)] for share in (0.5, 0.95))
    rate = f"{len(times) / elapsed:8.0f}/s"
    print(f"{name:<26} {status[9:]} {rate}  p50 {p50:5.1f} ms  p95 {p95:5.1f} ms  web CPU {spent:.2f} ms")


def reads(options: argparse.Namespace, row: Any, minutes_id: int) -> None:
    port = free_port()
    web = start_web(port)
    try:
        udf = "/api/v1/udf"
        page = f"{udf}/history?symbol={row.symbol}&resolution=1D&from=0&to=1893456000&countback=300"
        poll = f"{udf}/history?symbol={row.symbol}&resolution=1D&from=0&to=9999999999&countback=2"
        with socket.create_connection(("127.0.0.1", port)) as sock:
            request = f"GET {page} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            head = ask(sock, request).partition(b"\r\n\r\n")[0].decode().lower()
        etag = next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("etag: "))
        cases = (
            ("UDF history, 300 days", page, ""),
            ("the same, If-None-Match", page, f"If-None-Match: {etag}\r\n"),
            ("UDF history, poll of 2", poll, ""),
            ("UDF quotes, one symbol", f"{udf}/quotes?symbols={row.symbol}", ""),
            ("stocks/{ticker}/quote", f"/api/v1/stocks/{row.symbol}/quote", ""),
            ("candles_v2, 300 days", f"/api/v1/assets/{row.pk}/candles_v2?limit=300", ""),
            (
                "candles_v2, 300 minutes",
                f"/api/v1/assets/{minutes_id}/candles_v2?resolution=1&limit=300",
                "",
            ),
        )
        for name, path, headers in cases:
            measure(port, web.pid, name, path, options.seconds / 4, options.connections, headers)
            measure(port, web.pid, name, path, options.seconds, options.connections, headers)
    finally:
        os.killpg(web.pid, signal.SIGTERM)
        web.wait(timeout=15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--bars", type=int, default=1_000_000, help="how many bars are loaded (10,000,000 for the whole)"
    )
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    print(f"PostgreSQL {version}, fsync {fsync}, {os.cpu_count()} cores, {options.connections} connections")
    minutes_id = load_bars(options.bars)
    read_window(minutes_id, options.rounds)
    print(f"largest this process has been: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    row = seed()
    connection.close()
    reads(options, row, minutes_id)


if __name__ == "__main__":
    main()
