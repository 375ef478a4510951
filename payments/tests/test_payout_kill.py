"""Processes fight over one payout, and one of them dies between the provider's act and our commit: it is paid once."""

import json
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from core.services.books import verify
from payments.models import Payee, Payout
from payments.selectors.books import balance_of
from payments.tests.factories_payouts import approved, payable
from payments.tests.processes import spawn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Transfers:
    """Stripe's transfers, with its idempotency keys. `hangs`: it acts, and then does not answer."""

    def __init__(self):
        self.made, self.keys, self.posts = [], {}, 0
        self.hangs, self.acted, self.release = True, threading.Event(), threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                """Say nothing."""

            def answer(self, body):
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                outer.posts += 1
                key = self.headers["Idempotency-Key"]
                if key not in outer.keys:
                    made = {
                        "id": f"tr_{len(outer.made) + 1}",
                        "object": "transfer",
                        "amount": int(form["amount"][0]),
                        "currency": form["currency"][0],
                        "destination": form["destination"][0],
                        "transfer_group": form["transfer_group"][0],
                        "metadata": {},
                        "reversed": False,
                    }
                    outer.keys[key] = made
                    outer.made.append(made)
                outer.acted.set()
                if outer.hangs:
                    outer.release.wait(60)
                self.answer(outer.keys[key])

            def do_GET(self):
                group = parse_qs(urlsplit(self.path).query).get("transfer_group", [""])[0]
                found = [row for row in outer.made if row["transfer_group"] == group]
                self.answer({"object": "list", "data": found, "has_more": False, "url": "/v1/transfers"})

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def environment(self):
        return {
            "STRIPE_SECRET_KEY": "sk_test_x",
            "STRIPE_WEBHOOK_SECRET": "whsec_x",
            "STRIPE_API_URL": f"http://127.0.0.1:{self.server.server_address[1]}",
            "PAYMENT_TIMEOUT": "50",
        }

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def transfers():
    made = Transfers()
    yield made
    made.close()


def due(payout):
    """Two minutes have passed."""
    Payout.objects.filter(pk=payout.pk).update(next_at=timezone.now() - timedelta(seconds=1))


def test_killed_between_the_providers_act_and_our_commit(transfers):
    user = payable(5_000)
    Payee.objects.filter(user=user).update(provider="stripe", ref="acct_1")
    payout = approved(user)
    assert payout.provider == "stripe"
    first = spawn("send_payouts", **transfers.environment)
    try:
        assert transfers.acted.wait(40), first.communicate(timeout=5)
    finally:
        first.kill()
        first.wait()
    payout.refresh_from_db()
    assert (payout.status, payout.ref) == ("sending", "")
    assert len(transfers.made) == 1
    transfers.hangs = False
    transfers.release.set()

    # Before the lease is over nobody touches it; then two come at once.
    idle = spawn("send_payouts", **transfers.environment)
    assert "0 payouts were tried" in idle.communicate(timeout=60)[0]
    due(payout)
    fighters = [spawn("send_payouts", **transfers.environment) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in fighters]
    assert [process.returncode for process in fighters] == [0, 0], said

    payout.refresh_from_db()
    assert (payout.status, payout.ref, payout.attempts) == ("paid", "tr_1", 2)
    assert len(transfers.made) == 1
    assert transfers.posts == 1  # it was found, and not even asked for again
    assert balance_of("clearing:stripe", "USD") == -5_000
    assert balance_of(f"reserved:{user.pk}", "USD") == balance_of(f"payable:{user.pk}", "USD") == 0
    assert verify().is_sound


def test_two_processes_from_the_start(transfers):
    transfers.hangs = False
    user = payable(5_000)
    Payee.objects.filter(user=user).update(provider="stripe", ref="acct_1")
    payout = approved(user)
    fighters = [spawn("send_payouts", **transfers.environment) for _ in range(2)]
    began = time.monotonic()
    for process in fighters:
        process.communicate(timeout=60)
    assert time.monotonic() - began < 60
    payout.refresh_from_db()
    assert (payout.status, len(transfers.made), transfers.posts) == ("paid", 1, 1)
    assert verify().is_sound
