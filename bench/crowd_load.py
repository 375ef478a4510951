"""The traffic of a contest's crowd: whose request comes next, sending it, and what became of it."""

from __future__ import annotations

import json
import random
import select
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.load import is_whole

SLUG = "crowd"


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
