"""A load generator that costs little beside what it measures: raw sockets, requests built beforehand, one loop."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

Account = tuple[int, str]
END = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(slots=True)
class Result:
    """Seconds that each filled order took, what was answered otherwise, and the generator's own CPU seconds."""

    times: list[float] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    elapsed: float = 0.0
    cpu: float = 0.0


@dataclass(slots=True)
class Job:
    """One account's two requests, a buy and a sell, each cut where the idempotency key goes."""

    sides: tuple[tuple[bytes, bytes], tuple[bytes, bytes]]
    sells: bool = False


def job(account: Account) -> Job:
    """The requests of one account."""
    account_id, token = account

    def parts(side: str) -> tuple[bytes, bytes]:
        body = json.dumps({"account_id": account_id, "symbol": "AAA", "side": side, "quantity": 1})
        head = f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        rest = f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        return f"{head}Idempotency-Key: ".encode(), rest.encode()

    return Job((parts("buy"), parts("sell")))


class Connection:
    """One persistent connection, which sends an order and waits for its answer, over its accounts in turn."""

    def __init__(self, port: int, jobs: Sequence[Job], tag: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.jobs = jobs
        self.tag = tag
        self.number = 0
        self.began = 0.0
        self.answer = b""

    def send(self, began: float) -> None:
        """Send the next order; its time counts from `began`."""
        job = self.jobs[self.number % len(self.jobs)]
        head, rest = job.sides[job.sells]
        job.sells = not job.sells
        self.number += 1
        self.began = began
        self.answer = b""
        self.socket.sendall(b"%b%b-%d%b" % (head, self.tag.encode(), self.number, rest))

    def receive(self, result: Result) -> bool:
        """Read what has come; whether the answer is whole, and then it is counted."""
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        self.answer += chunk
        if not is_whole(self.answer):
            return False
        if self.answer.startswith(b"HTTP/1.1 201") and b'"status":"filled"' in self.answer:
            result.times.append(time.perf_counter() - self.began)
        else:
            result.bad.append(repr(self.answer[:400]))
        return True


def is_whole(answer: bytes) -> bool:
    """Whether an HTTP answer with a Content-Length has come to its end."""
    end = answer.find(END)
    if end < 0:
        return False
    at = answer.lower().index(LENGTH, 0, end + 2) + len(LENGTH)
    return len(answer) >= end + len(END) + int(answer[at : answer.index(b"\r", at)])


def load(port: int, accounts: Sequence[Account], seconds: float, connections: int, rate: float | None = None) -> Result:
    """Order for so many seconds; without `rate` as fast as the answers come.

    `rate`: orders a second over all connections, on a timetable: an order that could not leave at its time, because
    the one before it was not answered, counts from when it should have left.
    """
    shares = [accounts[index::connections] or accounts for index in range(connections)]
    tag = str(time.time_ns())
    every = [Connection(port, [job(each) for each in share], f"{tag}-{n}") for n, share in enumerate(shares)]
    result = Result()
    cpu, began = time.process_time(), time.perf_counter()
    try:
        if rate is None:
            _flat_out(every, began + seconds, result)
        else:
            _paced(every, began, seconds, connections / rate, result)
    finally:
        result.elapsed = time.perf_counter() - began
        result.cpu = time.process_time() - cpu
        for each in every:
            each.socket.close()
    return result


def _flat_out(every: Sequence[Connection], stop: float, result: Result) -> None:
    poll = select.epoll()
    by_file = {each.socket.fileno(): each for each in every}
    for file, each in by_file.items():
        poll.register(file, select.EPOLLIN)
        each.send(time.perf_counter())
    busy = len(every)
    while busy:
        for file, _ in poll.poll():
            each = by_file[file]
            if each.receive(result):
                now = time.perf_counter()
                if now < stop:
                    each.send(now)
                else:
                    busy -= 1
    poll.close()


def _paced(every: Sequence[Connection], began: float, seconds: float, gap: float, result: Result) -> None:
    poll = select.epoll()
    by_file = {each.socket.fileno(): each for each in every}
    for file in by_file:
        poll.register(file, select.EPOLLIN)
    due = [(began + gap * index / len(every), each) for index, each in enumerate(every)]
    waiting: dict[Connection, float] = {}
    while waiting or (due and due[0][0] < began + seconds):
        now = time.perf_counter()
        while due and due[0][0] <= min(now, began + seconds):
            at, each = due.pop(0)
            waiting[each] = at
            each.send(at)
        pause = max(0.0, due[0][0] - now) if due and due[0][0] < began + seconds else 1.0
        for file, _ in poll.poll(pause):
            each = by_file[file]
            if each.receive(result):
                due.append((waiting.pop(each) + gap, each))
                due.sort(key=lambda pair: pair[0])
    poll.close()
