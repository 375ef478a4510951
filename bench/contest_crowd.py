r"""A contest with a crowd: people join over HTTP, read and trade on a replay with agents, and the result is verified.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/contest_crowd.py [--people 1000 --minutes 10 --agents 5]

The platform's own processes serve it, as the Procfile names them: web, worker, beat, market and stream. The contest is
started and ended by its schedule. People join at most 8 at a time; while it runs, each request is somebody's at random:
three of ten are the standings around them, one the first hundred, three the quotes and three an order. For the first
half of the time they come at `--rate` a second, for the rest as fast as they are answered. Any answer but a success or
a denied order is an error, and ends in exit code 1, as does a result or a book that does not verify.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LIFTED = ("ORDERS", "USER", "AUTH", "ANON")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("SECURE_SSL_REDIRECT", "0")
os.environ.update({f"THROTTLE_{name}": "100000000/min" for name in LIFTED} | {"PLAN_API_RATES": "0"})
os.environ.setdefault("JWT_ACCESS_TTL", "14400")
from bench.crowd_load import SLUG, Asked, Crowd, Person, drive, report, request  # noqa: E402
from bench.orders import free_port  # noqa: E402

PROCESSES = ("web", "stream", "worker", "beat", "market")
SECONDS_PER_TICK = 2
PRINTS = 14
JOIN_CONNECTIONS, FULL_CONNECTIONS = 8, 8
MARGIN_SECONDS = 5.0


def start(name: str, port: int) -> subprocess.Popen[bytes]:
    """A process as the Procfile names it."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "WEB_PORT": str(port), "WEB_HOST": "127.0.0.1", "STREAM_HOST": "127.0.0.1", "PATH": path}
    env |= {"PYTHONPATH": str(ROOT), "STREAM_PORT": str(free_port()), "CELERY_LOGLEVEL": "error"}
    return subprocess.Popen([ROOT / "bin" / "process", name], cwd=ROOT, env=env, start_new_session=True)


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def prepare(agents: int) -> list[str]:
    """What a release and the demo's history make, and the agents; their keys."""
    from django.core.management import call_command

    from ai_strategies.services.agents import agent_create
    from ai_strategies.services.demo_cast import AGENTS
    from core.embedded.prepare import EVERY_RELEASE
    from marketdata.services.demo import demo_history_generate

    call_command("migrate", verbosity=0)
    for command in EVERY_RELEASE:
        if command != "setup_templates":
            call_command(command)
    demo_history_generate()
    chosen = AGENTS[:agents]
    for number, cast in enumerate(chosen, start=1):
        agent_create(actor=None, seed=number * 7919, **cast)
    return [cast["key"] for cast in chosen]


def people_make(number: int) -> list[Person]:
    """People who may trade, each with a token."""
    from accounts.models import CLEARED_ALWAYS, User
    from accounts.services.tokens import tokens_issue

    rows = [
        User(email=f"crowd{n}@example.com", display_name=f"Crowd {n}", password="!", clearance=CLEARED_ALWAYS)
        for n in range(number)
    ]
    return [Person(tokens_issue(user=user).access) for user in User.objects.bulk_create(rows)]


def contest_make(people: int, minutes: float, agents: list[str]) -> tuple[Any, datetime, datetime]:
    """A contest that begins once everyone can have joined, and ends by the clock."""
    from ai_strategies.services.demo_cast import ARENA_SYMBOLS
    from contests.domain.definition import ContestSpec
    from contests.services.contests import contest_create
    from core.money import Money
    from trading.domain.types import Actor

    starts = datetime.now(tz=UTC) + timedelta(seconds=15 + people / 15)
    ends = starts + timedelta(minutes=minutes)
    market: dict[str, Any] = {"start": "2021-01-04", "end": "2022-12-30", "symbols": list(ARENA_SYMBOLS), "seed": 1}
    market |= {"seconds_per_tick": str(SECONDS_PER_TICK), "prints": PRINTS, "warmup_days": 260, "spread_bps": "4"}
    spec = ContestSpec(
        slug=SLUG, name="Crowd", description="", market=market, initial_balance=Money.of("100000", "USD"),
        agents=tuple(agents), agent_interval_minutes=120, capacity=people + len(agents), starts_at=starts, ends_at=ends,
    )  # fmt: skip
    operator = Actor(user_id=None, is_staff=True, label="bench")
    return contest_create(actor=operator, spec=spec, schedule=True), starts, ends


def status_wait(wanted: set[str], seconds: float) -> str:
    """Wait until the contest has one of these statuses, and its market a price; the status it has then."""
    from contests.models import Contest

    stop = time.monotonic() + seconds
    while True:
        status, tick = Contest.objects.values_list("status", "market__tick").get(slug=SLUG)
        if (status in wanted and tick >= 0) or time.monotonic() > stop:
            return str(status)
        time.sleep(0.5)


def verify() -> int:
    """The result and the books, computed once more by the project's own commands; how many failed."""
    failed = 0
    for command in (["verify_contest", SLUG], ["verify_books"]):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "manage.py", *command], check=False, cwd=ROOT, capture_output=True, text=True
        )
        print(f"{' '.join(command)}: exit {done.returncode} after {time.perf_counter() - began:.1f} s")
        print("\n".join(f"    {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-25:]))
        failed += done.returncode != 0
    return failed


def ticks_told(minutes: float) -> None:
    """How far the market came in its time."""
    from contests.models import Contest, Participant
    from trading.models import Fill

    contest = Contest.objects.select_related("market").get(slug=SLUG)
    print(
        f"{contest.status} at tick {contest.market.tick} of about {minutes * 60 / SECONDS_PER_TICK:.0f}; "
        f"{Participant.objects.filter(contest=contest).count()} took part, "
        f"{Participant.objects.filter(contest=contest, final_rank__isnull=False).count()} ranked, "
        f"{Fill.objects.filter(account__group=contest.group_id).count()} fills"
    )


def run(options: argparse.Namespace, port: int, people: list[Person], agents: list[str]) -> int:
    """Join, trade, end; how much went wrong."""
    from django.db import connection

    from ai_strategies.services.demo_cast import ARENA_SYMBOLS

    view, starts, ends = contest_make(len(people), options.minutes, agents)
    market = view.market_slug
    connection.close()
    joins = ((Asked("join", who), request("POST", f"contests/{SLUG}/join", who.token, {})) for who in people)
    found = [drive(port, joins, JOIN_CONNECTIONS, time.perf_counter() + 600)]
    report("joining", found[0])
    wait = (starts - datetime.now(tz=UTC)).total_seconds()
    print(f"the contest is {status_wait({'active'}, max(wait, 0) + 60)}", flush=True)
    connection.close()
    crowd = Crowd([who for who in people if who.account], list(ARENA_SYMBOLS), market)
    left = (ends - datetime.now(tz=UTC)).total_seconds() - MARGIN_SECONDS
    began = time.perf_counter()
    for title, share, connections, rate in (
        (f"at {options.rate:g} a second", 0.5, 16, options.rate), ("as fast as it goes", 1.0, FULL_CONNECTIONS, None),
    ):  # fmt: skip
        found.append(drive(port, iter(crowd.next, None), connections, began + left * share, rate))
        report(title, found[-1])
    print(f"the contest is {status_wait({'ended', 'settled'}, 180)}")
    ticks_told(options.minutes)
    return sum(each.failed for each in found) + verify()


def main() -> None:
    """Prepare, start the processes, run, stop them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--agents", type=int, default=5)
    parser.add_argument("--rate", type=float, default=20, help="requests a second in the first half")
    options = parser.parse_args()
    import django

    django.setup()
    from django.db import connection

    agents = prepare(options.agents)
    people = people_make(options.people)
    connection.close()
    port = free_port()
    started = [start(name, port) for name in PROCESSES]
    try:
        stop = time.monotonic() + 60
        while not answers(port):
            if time.monotonic() > stop:
                raise SystemExit("the web process did not start")
            time.sleep(0.2)
        wrong = run(options, port, people, agents)
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            process.wait(timeout=30)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
