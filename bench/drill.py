"""Crash drill: trade through the running installation while its processes are killed, then count.

    .venv/bin/python bench/drill.py [--seconds 600]        (with bin/up running in another terminal)

Traders send orders over HTTP, each with an idempotency key, and send an order again under the same key until they get
an answer. Meanwhile web, worker, market and PostgreSQL are killed (SIGKILL) once each; the supervisor brings them back.
At the end every answered order must be there exactly once. `bin/manage verify_books` then proves the books.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VICTIMS = ("web", "worker", "market", "postgres")


def state() -> dict:
    return json.loads((ROOT / ".data" / "services.json").read_text())


def call(method: str, path: str, token: str = "", body: dict | None = None, key: str = "") -> tuple[int, dict]:
    """One request; status 0 when there was no answer."""
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Idempotency-Key": key} if key else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(state()["url"] + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else {}
    except (OSError, ValueError):
        return 0, {}


def until_answered(*arguments: object, **more: object) -> tuple[int, dict]:
    """Send again under the same key until the server answers for good."""
    while True:
        status, body = call(*arguments, **more)
        if status not in (0, 429, 500, 502, 503):
            return status, body
        time.sleep(0.3)


class Trader(threading.Thread):
    """Signs in, joins the running contest, and trades until told to stop."""

    def __init__(self, sign_in: dict, contest: str, stop: threading.Event) -> None:
        super().__init__()
        self.sign_in, self.contest, self.stop_event = sign_in, contest, stop
        self.answered: dict[str, str] = {}
        self.statuses: Counter[str] = Counter()
        self.random = random.Random(sign_in["email"])
        self.account = 0
        self.token = ""

    def enter(self) -> None:
        credentials = {"email": self.sign_in["email"], "password": self.sign_in["password"]}
        self.token = until_answered("POST", "/api/v1/auth/token", "", credentials)[1]["access"]

    def run(self) -> None:
        self.enter()
        self.account = until_answered("POST", f"/api/v1/contests/{self.contest}/join", self.token, {})[1]["account_id"]
        symbols = [row["symbol"] for row in call("GET", "/api/v1/stocks/prices")[1]["stocks"]]
        number = 0
        tag = f"drill-{time.time_ns()}"
        while not self.stop_event.is_set():
            number += 1
            key = f"{tag}-{number}"
            body = {
                "account_id": self.account,
                "symbol": self.random.choice(symbols),
                "side": self.random.choice(["buy", "buy", "sell"]),
                "quantity": self.random.randint(1, 20),
                "client_order_id": key,
            }
            status, answer = until_answered("POST", "/api/v1/orders", self.token, body, key=key)
            if status == 401:
                self.enter()
                continue
            self.statuses[answer.get("status") or answer.get("code", str(status))] += 1
            if status in (200, 201):
                self.answered[key] = str(answer["id"])
            time.sleep(0.15)

    def stored(self) -> Counter[str]:
        """How often each client order id is stored as an order that was not denied."""
        found: Counter[str] = Counter()
        page: int | None = 1
        while page:
            body = until_answered(
                "GET", f"/api/v1/accounts/{self.account}/orders?pageSize=200&page={page}", self.token
            )[1]
            found.update(row["client_order_id"] for row in body["results"] if row["status"] != "denied")
            page = body["next"]
        return found


def kill(name: str) -> None:
    pid = state()["processes"][name]
    print(f"{time.strftime('%H:%M:%S')} kill -9 {name} (pid {pid})")
    if name == "web":
        # The master and its workers: what a crash of the whole process group leaves.
        os.killpg(os.getpgid(pid), signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--contest", default="the-arena")
    options = parser.parse_args()
    stop = threading.Event()
    signs = json.loads((ROOT / ".data" / "demo-signins.json").read_text())
    traders = [Trader(sign, options.contest, stop) for sign in signs if sign["role"] != "operator"]
    for trader in traders:
        trader.start()
    for name in VICTIMS:
        time.sleep(options.seconds / (len(VICTIMS) + 1))
        kill(name)
    time.sleep(options.seconds / (len(VICTIMS) + 1))
    stop.set()
    lost = doubled = answered = 0
    for trader in traders:
        trader.join()
        trader.enter()
        stored = trader.stored()
        answered += len(trader.answered)
        lost += sum(key not in stored for key in trader.answered)
        doubled += sum(count > 1 for key, count in stored.items() if key)
        print(trader.sign_in["email"], dict(trader.statuses))
    print(f"{answered} orders answered, {lost} lost, {doubled} doubled")
    print("ready:", call("GET", "/readyz")[1])
    raise SystemExit(1 if lost or doubled else 0)


if __name__ == "__main__":
    main()
