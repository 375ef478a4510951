r"""Signing in and being signed in: passwords through the API and the page, reads with a token, a key and a session.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/auth.py [--seconds 8] [--rounds 3]

Signing in costs one Argon2id hash, by design: its parameters are printed. Everything goes to the web process exactly
as the Procfile starts it, on persistent connections, from a generator on the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import signal
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LIFTED = ("ORDERS", "USER", "AUTH", "ANON")
os.environ.update({f"THROTTLE_{name}": "100000000/min" for name in LIFTED} | {"PLAN_API_RATES": "0"})
from bench.load import is_whole  # noqa: E402
from bench.orders import cpu_of_group, cpu_of_postgres, cpu_of_redis, free_port, seed, start_web  # noqa: E402

PASSWORD = "a-long-enough-password-7"
PEOPLE = 200
CSRF = "b" * 32


@dataclass
class Person:
    """Someone with everything that proves who they are."""

    email: str
    account: int
    token: str
    key: str
    session: str


@dataclass
class Measured:
    """One scenario over all its rounds."""

    times: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    spent: list[tuple[float, float, float]] = field(default_factory=list)
    bad: list[bytes] = field(default_factory=list)


def people() -> list[Person]:
    """People with a proved address, a password, an account, a token, a key and a session."""
    from allauth.account.models import EmailAddress
    from django.conf import settings
    from django.contrib.auth.hashers import make_password
    from django.test import Client

    from accounts.models import CLEARED_ALWAYS, Profile, User
    from accounts.services.keys import key_create
    from trading.models import Account

    hashed, found = make_password(PASSWORD), []
    for account_id, token in seed(PEOPLE):
        user = Account.objects.select_related("owner").get(pk=account_id).owner
        User.objects.filter(pk=user.pk).update(password=hashed, clearance=CLEARED_ALWAYS)
        user.refresh_from_db()
        Profile.objects.get_or_create(user=user)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        key = key_create(actor=user, name="Bench", scope="read", rate_per_minute=1200).text
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        found.append(Person(user.email, account_id, token, key, session))
    return found


def request(method: str, path: str, headers: dict[str, str], body: str = "") -> bytes:
    """The bytes of one request."""
    every = {"Host": "127.0.0.1", "User-Agent": "bench", **headers}
    if method == "POST":
        every["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in every.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode()


def api_sign_in(who: Person) -> bytes:
    body = json.dumps({"email": who.email, "password": PASSWORD})
    return request("POST", "/api/v1/auth/token", {"Content-Type": "application/json"}, body)


def page_sign_in(who: Person) -> bytes:
    body = urlencode({"email": who.email, "password": PASSWORD, "csrfmiddlewaretoken": CSRF})
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"{csrf_cookie()}={CSRF}"}
    return request("POST", "/sign-in", kind, body)


def csrf_cookie() -> str:
    from django.conf import settings

    return str(settings.CSRF_COOKIE_NAME)


def session_cookie() -> str:
    from django.conf import settings

    return str(settings.SESSION_COOKIE_NAME)


def read(who: Person, headers: dict[str, str]) -> bytes:
    return request("GET", f"/api/v1/accounts/{who.account}", headers)


def page(who: Person) -> bytes:
    return request("GET", "/settings/profile", {"Cookie": f"{session_cookie()}={who.session}"})


Maker = Callable[[Person], bytes]
SCENARIOS: dict[str, tuple[Maker, bytes]] = {
    "sign-in, API": (api_sign_in, b"HTTP/1.1 200"),
    "sign-in, page": (page_sign_in, b"HTTP/1.1 302"),
    "read, token": (lambda who: read(who, {"Authorization": f"Bearer {who.token}"}), b"HTTP/1.1 200"),
    "read, API key": (lambda who: read(who, {"X-API-Key": who.key}), b"HTTP/1.1 200"),
    "read, session": (lambda who: read(who, {"Cookie": f"{session_cookie()}={who.session}"}), b"HTTP/1.1 200"),
    "page, session": (page, b"HTTP/1.1 200"),
}


class Line:
    """One persistent connection that sends its requests in turn, each when the one before it is answered."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests, self.number, self.began, self.answer = requests, 0, 0.0, b""

    def send(self) -> None:
        self.answer, self.began = b"", time.perf_counter()
        self.socket.sendall(self.requests[self.number % len(self.requests)])
        self.number += 1

    def receive(self) -> bool:
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError(f"the server closed the connection: {self.answer[:300]!r}")
        self.answer += chunk
        return is_whole(self.answer)


def run(port: int, requests: Sequence[bytes], good: bytes, seconds: float, connections: int, into: Measured) -> None:
    """Send as fast as the answers come, for so many seconds."""
    lines = [Line(port, requests[index::connections]) for index in range(connections)]
    by_file = {line.socket.fileno(): line for line in lines}
    poll = select.epoll()
    began, count = time.perf_counter(), 0
    for file, line in by_file.items():
        poll.register(file, select.EPOLLIN)
        line.send()
    busy = len(lines)
    while busy:
        for file, _ in poll.poll():
            line = by_file[file]
            if not line.receive():
                continue
            now = time.perf_counter()
            if line.answer.startswith(good):
                into.times.append(now - line.began)
                count += 1
            else:
                into.bad.append(line.answer[:400])
            if now < began + seconds:
                line.send()
            else:
                busy -= 1
    into.rates.append(count / (time.perf_counter() - began))
    for line in lines:
        line.socket.close()


def cpu(web: int) -> tuple[float, float, float]:
    return cpu_of_group(web), cpu_of_postgres(), cpu_of_redis()


def measure(options: argparse.Namespace, known: list[Person], port: int, web: int) -> dict[tuple[str, int], Measured]:
    """Rounds of every scenario, in turn, so that all see the machine's moods."""
    found: dict[tuple[str, int], Measured] = {}
    for name, (make, good) in SCENARIOS.items():
        run(port, [make(who) for who in known], good, 1, 8, Measured())
        del name
    for _ in range(options.rounds):
        for name, (make, good) in SCENARIOS.items():
            requests = [make(who) for who in known]
            for connections in (1, options.connections):
                into = found.setdefault((name, connections), Measured())
                before, done = cpu(web), len(into.times)
                run(port, requests, good, options.seconds, connections, into)
                each = max(1, len(into.times) - done)
                spent = [1000 * (end - begin) / each for begin, end in zip(before, cpu(web), strict=True)]
                into.spent.append((spent[0], spent[1], spent[2]))
    return found


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def report(found: dict[tuple[str, int], Measured]) -> None:
    print(f"{'':<16}{'conn.':>6}{'a second':>10}{'p50':>8}{'p95':>8}{'p99':>8} ms   CPU ms: web, PostgreSQL, Redis")
    for (name, connections), got in found.items():
        rate = statistics.median(got.rates)
        marks = "".join(f"{percentile(got.times, share):8.1f}" for share in (0.5, 0.95, 0.99))
        spent = ", ".join(f"{statistics.median(part):.2f}" for part in zip(*got.spent, strict=True))
        print(f"{name:<16}{connections:>6}{rate:>10.1f}{marks}      {spent}")
        if got.bad:
            print(f"  {len(got.bad)} were not answered as they should be, first: {got.bad[0]!r}")


def machine() -> None:
    """The machine, the server, and what a password costs."""
    from django.contrib.auth.hashers import check_password, get_hasher, make_password
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    model = next((row.partition(":")[2].strip() for row in Path("/proc/cpuinfo").read_text().splitlines()
                  if row.startswith("model name")), platform.machine())  # fmt: skip
    print(f"{os.cpu_count()} cores ({model}), PostgreSQL {version}, fsync {fsync}, Python {platform.python_version()}")
    hasher = get_hasher()
    told = make_password(PASSWORD).split("$")[1:4]
    hashed, times = make_password(PASSWORD), []
    for _ in range(20):
        began = time.perf_counter()
        assert check_password(PASSWORD, hashed)
        times.append(time.perf_counter() - began)
    print(f"{hasher.algorithm} {' '.join(told)}: one check alone {statistics.median(times) * 1000:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    machine()
    known = people()
    connection.close()
    port = free_port()
    web = start_web(port)
    try:
        report(measure(options, known, port, web.pid))
    finally:
        os.killpg(web.pid, signal.SIGTERM)
        web.wait(timeout=15)


if __name__ == "__main__":
    main()
