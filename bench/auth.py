r"""Signing in and authenticated reads, over HTTP, against the web process exactly as the Procfile starts it.

    SECRET_KEY=$(head -c 48 /dev/urandom | base64 -w0) DEBUG=0 LOG_LEVEL=WARNING \
        bin/with-services --durable .venv/bin/python bench/auth.py [--seconds 8] [--connections 4]

Signing in costs one Argon2id hash, by design: its parameters are printed. Reads are `GET /api/v1/auth/me` with a token or
a session, and `GET /api/v1/accounts` with a token, a key or a session, on persistent connections. The generator runs on
the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("SECURE_SSL_REDIRECT", "0")
os.environ.update({f"THROTTLE_{name}": "10000000/min" for name in ("USER", "AUTH", "ANON")})
os.environ["LOG_LEVEL"] = "WARNING"
from bench.orders import free_port, start_web  # noqa: E402

PASSWORD = "correct-horse-battery-9"
Request = tuple[str, str, dict[str, str], bytes]


def seed(number: int) -> list[tuple[str, str, str, str]]:
    """(email, access token, API key, session cookie) of each of `number` people with verified addresses."""
    from importlib import import_module

    from allauth.account.models import EmailAddress
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.utils import timezone

    from accounts.clients import SIGN_IN
    from accounts.domain.client import Client
    from accounts.models import CLEARED_ALWAYS, User
    from accounts.services.keys import key_create
    from accounts.services.signins import signin_open
    from accounts.services.tokens import tokens_issue

    found = []
    for index in range(number):
        email = f"bench{time.time_ns()}-{index}@example.com"
        user = User.objects.create_user(email, PASSWORD, display_name=f"Bench {index}", clearance=CLEARED_ALWAYS)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        until = timezone.now() + timezone.timedelta(days=1)
        signin = signin_open(
            user_id=user.pk, kind="web", method="password", client=Client(), expires_at=until,
            session_key=session.session_key,
        )  # fmt: skip
        session[SIGN_IN] = {"id": str(signin.pk), "key": session.session_key, "until": until.timestamp()}
        session.save()
        key = key_create(actor=user, name="bench", scope="read", rate_per_minute=1200).text
        found.append((email, tokens_issue(user=user).access, key, session.session_key))
    return found


def run(port: int, requests: list[Request], seconds: float, connections: int) -> tuple[list[float], dict[int, int]]:
    """Milliseconds of every answer, and how often each status came."""
    times: list[list[float]] = [[] for _ in range(connections)]
    statuses: list[dict[int, int]] = [{} for _ in range(connections)]
    until = time.perf_counter() + seconds

    def work(slot: int) -> None:
        connection, number = HTTPConnection("127.0.0.1", port, timeout=30), slot
        while time.perf_counter() < until:
            method, path, headers, body = requests[number % len(requests)]
            number += connections
            began = time.perf_counter()
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            times[slot].append(1000 * (time.perf_counter() - began))
            statuses[slot][answer.status] = statuses[slot].get(answer.status, 0) + 1

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total: dict[int, int] = {}
    for found in statuses:
        for status, count in found.items():
            total[status] = total.get(status, 0) + count
    return sorted(value for found in times for value in found), total


def cases(people: list[tuple[str, str, str, str]]) -> dict[str, list[Request]]:
    """What is measured, by name."""
    sent = {"Content-Type": "application/json"}

    def of(path: str, headers: Callable[[tuple[str, str, str, str]], dict[str, str]]) -> list[Request]:
        return [("GET", path, headers(person), b"") for person in people]

    def token(person: tuple[str, str, str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {person[1]}"}

    def key(person: tuple[str, str, str, str]) -> dict[str, str]:
        return {"X-API-Key": person[2]}

    def session(person: tuple[str, str, str, str]) -> dict[str, str]:
        return {"Cookie": f"sessionid={person[3]}"}

    def bodies(password: str) -> list[Request]:
        data = [json.dumps({"email": person[0], "password": password}).encode() for person in people]
        return [("POST", "/api/v1/auth/token", sent, body) for body in data]

    return {
        "sign in": bodies(PASSWORD),
        "me, token": of("/api/v1/auth/me", token),
        "me, session": of("/api/v1/auth/me", session),
        "accounts, token": of("/api/v1/accounts?mine=1", token),
        "accounts, key": of("/api/v1/accounts?mine=1", key),
        "accounts, session": of("/api/v1/accounts?mine=1", session),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--people", type=int, default=200)
    options = parser.parse_args()
    import django

    django.setup()
    from django.contrib.auth.hashers import get_hasher
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    hasher = get_hasher("default")
    print(
        f"Argon2id: time_cost {hasher.time_cost}, memory_cost {hasher.memory_cost} KiB, "
        f"parallelism {hasher.parallelism}; {os.cpu_count()} cores, {options.connections} connections"
    )
    people = seed(options.people)
    connection.close()
    port = free_port()
    web = start_web(port)
    try:
        for name, requests in cases(people).items():
            run(port, requests, 1.0, options.connections)
            times, statuses = run(port, requests, options.seconds, options.connections)
            p50, p95, p99 = (times[min(len(times) - 1, int(len(times) * q))] for q in (0.5, 0.95, 0.99))
            rate = len(times) / options.seconds
            print(
                f"{name:<18} {rate:7.0f}/s  p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f} ms  "
                f"mean {statistics.fmean(times):6.1f}  {statuses}"
            )
    finally:
        os.killpg(web.pid, signal.SIGTERM)
        web.wait(timeout=15)


if __name__ == "__main__":
    main()
