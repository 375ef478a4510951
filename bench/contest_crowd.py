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
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
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
from bench.load import is_whole  # noqa: E402
from bench.orders import free_port  # noqa: E402

SLUG = "crowd"
PROCESSES = ("web", "stream", "worker", "beat", "market")
SECONDS_PER_TICK = 2
PRINTS = 14
JOIN_CONNECTIONS, FULL_CONNECTIONS = 8, 8
MARGIN_SECONDS = 5.0


@dataclass
class Person:
    """Somebody with a token, and what they hold as far as the answers told."""

    token: str
    account: int = 0
    held: dict[str, int] = field(default_factory=dict)


@dataclass
class Asked:
    """One request, and what becomes of it."""

    kind: str
    person: Person
    order: dict[str, Any] = field(default_factory=dict)


@dataclass
class Measured:
    """Seconds by kind of request, what was answered, and the first answers that are errors."""

    times: dict[str, list[float]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    failed: int = 0
    elapsed: float = 0.0

    def note(self, asked: Asked, answer: bytes, seconds: float) -> None:
        """Count an answer; the books of the person follow from it."""
        status, body = int(answer[9:12]), answer.partition(b"\r\n\r\n")[2]
        self.times.setdefault(asked.kind, []).append(seconds)
        denied = asked.kind == "order" and status == 422
        if status >= 300 and not denied:
            self.failed += 1
            self.errors = [*self.errors, f"{asked.kind}: {answer[:500]!r}"][:5]
            return
        told = json.loads(body)
        if asked.kind == "join":
            asked.person.account = told["account_id"]
        if asked.kind == "order":
            self.answers[f"denied: {told['code']}" if denied else told["status"]] += 1
            if told.get("status") == "filled":
                sign = 1 if asked.order["side"] == "buy" else -1
                held = asked.person.held
                held[asked.order["symbol"]] = held.get(asked.order["symbol"], 0) + sign * asked.order["quantity"]


def request(method: str, path: str, token: str, body: dict[str, Any] | None = None, key: str = "") -> bytes:
    """The bytes of one request."""
    text = "" if body is None else json.dumps(body)
    lines = [f"{method} /api/v1/{path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    lines += [f"Idempotency-Key: {key}"] if key else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(text)}"] if body is not None else []
    return ("\r\n".join(lines) + "\r\n\r\n" + text).encode()


class Crowd:
    """Whose request comes next, and what it is."""

    def __init__(self, people: list[Person], symbols: list[str], market: str) -> None:
        self.people, self.symbols, self.market = people, symbols, market
        self.random, self.number, self.tag = random.Random(11), 0, time.time_ns()

    def next(self) -> tuple[Asked, bytes]:
        """A read or an order of somebody."""
        person, draw = self.random.choice(self.people), self.random.random()
        board = f"contests/{SLUG}/leaderboard"
        if draw < 0.3:
            return Asked("around", person), request("GET", f"{board}?around=me&pageSize=21", person.token)
        if draw < 0.4:
            return Asked("top", person), request("GET", f"{board}?pageSize=100", person.token)
        if draw < 0.7:
            return Asked("quotes", person), request("GET", f"stocks/prices?market={self.market}", person.token)
        order = self._order(person)
        self.number += 1
        body = {"account_id": person.account, **order}
        return Asked("order", person, order), request(
            "POST", "orders", person.token, body, f"crowd-{self.tag}-{self.number}"
        )

    def _order(self, person: Person) -> dict[str, Any]:
        holds = [symbol for symbol, quantity in person.held.items() if quantity > 0]
        if holds and self.random.random() < 0.45:
            symbol = self.random.choice(holds)
            return {"symbol": symbol, "side": "sell", "quantity": self.random.randint(1, person.held[symbol])}
        return {"symbol": self.random.choice(self.symbols), "side": "buy", "quantity": self.random.randint(1, 20)}


class Line:
    """One persistent connection that has one request under way at most."""

    def __init__(self, port: int) -> None:
        self.asked: Asked | None = None
        self.began, self.answer = 0.0, b""
        self.open(port)

    def open(self, port: int) -> None:
        """Connect, anew if it was connected before."""
        if hasattr(self, "socket"):
            self.socket.close()
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, asked: Asked, packed: bytes, began: float) -> None:
        """Send it; its time counts from `began`."""
        self.asked, self.began, self.answer = asked, began, b""
        self.socket.sendall(packed)

    def receive(self, into: Measured) -> bool:
        """Read what has come; whether the answer is whole, and then it is counted."""
        chunk = self.socket.recv(262_144)
        if not chunk:
            raise ConnectionError(f"the server closed the connection: {self.answer[:300]!r}")
        self.answer += chunk
        if not is_whole(self.answer):
            return False
        assert self.asked is not None
        into.note(self.asked, self.answer, time.perf_counter() - self.began)
        self.asked = None
        return True


def drive(port: int, source: Any, connections: int, until: float, rate: float | None = None) -> Measured:
    """Send what `source` gives until it is empty or the time (perf_counter) has come.

    `rate`: requests a second, on a timetable: one that finds no free connection counts from when it was due.
    """
    lines, found, began = [Line(port) for _ in range(connections)], Measured(), time.perf_counter()
    poll, by_file = select.epoll(), {line.socket.fileno(): line for line in lines}
    for file in by_file:
        poll.register(file, select.EPOLLIN)
    free, due, more = list(lines), began, True
    while True:
        now = time.perf_counter()
        more = more and now < until
        while more and free and (rate is None or due <= now):
            following = next(source, None)
            if following is None:
                more = False
                break
            free.pop(0).send(*following, due if rate is not None else now)
            due += 1 / rate if rate is not None else 0
        if not more and len(free) == len(lines):
            break
        pause = max(0.0, due - now) if rate is not None and free and more else 1.0
        for file, _ in poll.poll(min(pause, 1.0)):
            line = by_file[file]
            if line.asked is None:
                # The server has closed a connection on which nothing was under way, as it may.
                del by_file[file]
                line.open(port)
                by_file[line.socket.fileno()] = line
                poll.register(line.socket.fileno(), select.EPOLLIN)
            elif line.receive(found):
                free.append(line)
    found.elapsed = time.perf_counter() - began
    for line in lines:
        line.socket.close()
    return found


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


def report(title: str, found: Measured) -> None:
    """Rates and times of one stretch."""
    reads = [value for kind, values in found.times.items() if kind not in ("order", "join") for value in values]
    rows = {"reads": reads} | dict(sorted(found.times.items()))
    total = sum(map(len, found.times.values()))
    print(f"{title}: {total} requests in {found.elapsed:.0f} s, {total / found.elapsed:.1f} a second")
    for name, values in rows.items():
        if values:
            marks = " ".join(f"{percentile(values, share):8.1f}" for share in (0.5, 0.95, 0.99))
            print(f"  {name:<8} {len(values):>7}   p50 p95 p99 ms {marks}")
    if found.answers:
        print("  orders: " + ", ".join(f"{count} {name}" for name, count in found.answers.most_common()))
    print(f"  errors: {found.failed}", *found.errors, sep="\n    " if found.errors else "", flush=True)


def percentile(values: list[float], share: float) -> float:
    """Milliseconds within which this share was answered."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


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
