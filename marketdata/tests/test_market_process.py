"""`manage.py run_market` as it is run: killed, cut off from the database, stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from marketdata import selectors
from marketdata.domain import ports
from marketdata.locks import MarketLease
from marketdata.models import Market
from marketdata.tests.factories import replay_market

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _own_ports(monkeypatch):
    monkeypatch.setattr(ports, "_listeners", {})
    monkeypatch.setattr(ports, "_gates", {})


def stored(market_id):
    return Market.objects.values_list("tick", flat=True).get(pk=market_id)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestRealProcess:
    """`manage.py run_market` as it is run: killed, cut off from the database, stopped."""

    def spawn(self):
        url = connection.settings_dict
        host = f"host={url['HOST']}" if str(url["HOST"]).startswith("/") else ""
        address = (
            f"postgres://{url['USER']}:{url['PASSWORD']}@{'' if host else url['HOST']}:{url['PORT']}/{url['NAME']}"
        )
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings_test",
            "DATABASE_URL": address.replace(":@", "@") + (f"?{host}" if host else ""),
        }
        command = [sys.executable, str(REPO / "manage.py"), "run_market"]
        return subprocess.Popen(
            command, cwd=REPO, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    def wait_for(self, market_id, tick, seconds=30):
        deadline = time.monotonic() + seconds
        while stored(market_id) < tick:
            assert time.monotonic() < deadline, f"still at {stored(market_id)}"
            time.sleep(0.02)

    def test_kill_cut_off_stop(self):
        bars = {"AAA": [(100 + n, 104 + n, 98 + n, 102 + n) for n in range(200)]}
        market = replay_market(bars, seconds_per_tick="0.05")
        first = self.spawn()
        try:
            self.wait_for(market.id, 3)
        finally:
            first.kill()
            first.wait()
        stands = stored(market.id)
        time.sleep(0.3)
        assert stored(market.id) == stands
        second = self.spawn()
        try:
            self.wait_for(market.id, stands + 3)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s",
                    [market.id],
                )
            cut = stored(market.id)
            self.wait_for(market.id, cut + 5)
            assert selectors.market_clock(market.id).tick >= cut
            second.send_signal(signal.SIGTERM)
            assert second.wait(10) == 0
        finally:
            second.kill()
            second.wait()
        assert MarketLease(market.id).hold()
        assert selectors.quotes_all(market.id)["AAA"].tick == stored(market.id)
