"""The guard around a real vendor client: budget, retries, circuit, and the record of it in Redis."""

import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.redis import client
from marketdata.adapters.vendors import guard as guards
from marketdata.adapters.vendors.budget import Budget, BudgetSpent
from marketdata.adapters.vendors.guard import Guarded
from marketdata.adapters.vendors.polygon import Polygon
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.domain.feed import micro_of
from marketdata.domain.providers import ProviderError
from marketdata.tests.vendors.heard import streaming
from marketdata.tests.vendors.polygon_server import PolygonServer

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
OPEN_MS = int(OPEN.timestamp()) * 1_000


@pytest.fixture
def server():
    with PolygonServer() as server:
        yield server


@pytest.fixture
def changes(monkeypatch):
    seen = []
    monkeypatch.setattr(guards, "_hooks", [lambda *change: seen.append(change)])
    return seen


def guarded(server, *, key="right-key", per_minute=1_000, timeout=0.4, rest=30.0, failures=3):
    vendor = Polygon(
        key=key, rest_url=server.url, stream_url=server.stream_url, timeout=timeout, symbols=Symbols("polygon")
    )
    return Guarded(vendor, per_minute=per_minute, timeout=timeout, rest_seconds=rest, failures=failures)


def failure(ask):
    with pytest.raises(ProviderError) as found:
        ask()
    return found.value


def record():
    return client().hgetall("md:provider:polygon")


def minute(at):
    return {"t": OPEN_MS + at * 60_000, "o": 10, "h": 12, "l": 9, "c": 11, "v": 5}


def test_a_failure_that_passes_is_not_noticed(server):
    server.fail_next(503, times=2)
    assert guarded(server).status("NYSE").is_open
    assert len(server.requests) == 3
    assert (record()["calls"], "error" in record()) == ("1", False)


@pytest.mark.parametrize("how", [401, 403, 404, 429, "html", "half", 400])
def test_what_another_attempt_does_not_help_is_asked_once(server, how):
    server.fail_next(how)
    failure(lambda: guarded(server).status("NYSE"))
    assert len(server.requests) == 1


def test_a_call_has_a_deadline_whatever_is_tried(server):
    server.fail_next("hang", times=5)
    began = time.monotonic()
    error = failure(lambda: guarded(server, timeout=0.3).status("NYSE"))
    assert error.code == ProviderError.UNAVAILABLE
    assert time.monotonic() - began < 2


def test_the_circuit_opens_rests_and_closes(server, changes):
    vendor = guarded(server, rest=0.6, failures=2)
    server.fail_next("half", times=2)
    for _ in range(2):
        failure(lambda: vendor.status("NYSE"))
    assert (vendor.is_open, record()["state"], len(server.requests)) == (True, "open", 2)
    error = failure(lambda: vendor.status("NYSE"))
    assert (error.code, len(server.requests), "rests" in error.message) == (ProviderError.UNAVAILABLE, 2, True)
    assert 0 < error.retry_after <= 0.6
    time.sleep(0.65)
    assert vendor.status("NYSE").is_open
    assert (vendor.is_open, record()["state"], record()["failures"]) == (False, "closed", "0")
    assert [after for _, _, after in changes] == ["open", "half-open", "closed"]


def test_a_trial_that_fails_opens_the_circuit_again(server):
    vendor = guarded(server, rest=0.3, failures=2)
    server.fail_next("half", times=3)
    for _ in range(2):
        failure(lambda: vendor.status("NYSE"))
    time.sleep(0.35)
    failure(lambda: vendor.status("NYSE"))
    assert (vendor.is_open, len(server.requests)) == (True, 3)


def test_all_processes_go_by_one_circuit(server):
    server.fail_next("half", times=2)
    one, other = guarded(server, failures=2), guarded(server, failures=2)
    failure(lambda: one.status("NYSE"))
    failure(lambda: other.status("NYSE"))
    assert one.is_open
    assert other.is_open


def test_one_alone_tries_a_vendor_again(server):
    vendor, other = guarded(server, rest=0.2, failures=1, timeout=0.6), guarded(server, rest=0.2, failures=1)
    server.fail_next("half")
    failure(lambda: vendor.status("NYSE"))
    time.sleep(0.25)
    server.fail_next("hang")
    trial = Thread(target=vendor.status, args=("NYSE",))
    trial.start()
    while len(server.requests) < 2:
        time.sleep(0.01)
    assert "being tried" in failure(lambda: other.status("NYSE")).message
    trial.join(5)
    assert other.status("NYSE").is_open


def test_unknown_symbols_and_refused_plans_do_not_open_the_circuit(server):
    vendor = guarded(server, failures=2)
    for how in (404, 403, 400) * 2:
        server.fail_next(how)
        failure(lambda: vendor.status("NYSE"))
    assert not vendor.is_open


def test_a_slow_call_does_not_hold_up_the_others(server):
    vendor = guarded(server, timeout=1.5)
    server.fail_next("hang")
    slow = Thread(target=lambda: vendor.status("NYSE"))
    slow.start()
    while not server.requests:
        time.sleep(0.01)
    began = time.monotonic()
    assert vendor.status("NYSE").is_open
    assert time.monotonic() - began < 1
    slow.join(5)


def test_every_request_counts_pages_and_retries_too(server):
    server.page = 2
    server.bars["AAPL", "1minute"] = [minute(at) for at in range(6)]
    server.fail_next(500)
    vendor = guarded(server, per_minute=100)
    list(vendor.bars("AAPL", minutes=1, start=OPEN, end=OPEN + timedelta(hours=1)))
    assert (len(server.requests), vendor.budget.left()) == (4, 96)


def test_a_budget_that_is_used_up_refuses_at_once_and_asks_nothing(server):
    vendor, elsewhere = guarded(server, per_minute=3), guarded(server, per_minute=3)
    for one in (vendor, elsewhere, vendor):
        one.status("NYSE")
    began = time.monotonic()
    error = failure(lambda: elsewhere.status("NYSE"))
    assert (error.code, len(server.requests), time.monotonic() - began < 1.5) == (ProviderError.RATE_LIMITED, 3, True)
    assert 50 < error.retry_after <= 60
    assert (vendor.is_open, record()["calls"]) == (False, "3")


def test_a_budget_survives_that_redis_forgets_its_scripts():
    budget = Budget("somebody", 5)
    budget.spend()
    client().script_flush()
    budget.spend()
    assert budget.left() == 3


def test_without_redis_a_process_counts_alone(server, monkeypatch):
    monkeypatch.setattr("marketdata.adapters.vendors.budget.client", _no_redis)
    monkeypatch.setattr("marketdata.adapters.vendors.records.client", _no_redis)
    monkeypatch.setattr("marketdata.adapters.vendors.records._away_until", 0.0)
    vendor = guarded(server, per_minute=2, failures=1)
    assert vendor.status("NYSE").is_open
    server.fail_next("half")
    failure(lambda: vendor.status("NYSE"))
    assert vendor.is_open
    assert vendor.budget.left() == 0
    with pytest.raises(BudgetSpent):
        vendor.budget.spend()


def _no_redis():
    return Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))


def test_a_vendor_that_asks_to_wait_is_left_alone_by_all(server):
    server.fail_next((429, {"error": "exceeded"}, {"Retry-After": "20"}))
    failure(lambda: guarded(server).status("NYSE"))
    error = failure(lambda: guarded(server).status("NYSE"))
    assert (error.code, len(server.requests)) == (ProviderError.RATE_LIMITED, 1)
    assert 15 < error.retry_after <= 20


def test_bars_go_on_where_a_page_failed(server):
    server.page = 2
    server.bars["AAPL", "1minute"] = [minute(at) for at in range(6)]
    pages = guarded(server).bars("AAPL", minutes=1, start=OPEN, end=OPEN + timedelta(hours=1))
    found = list(next(pages))
    server.fail_next("close")
    for page in pages:
        found += page
    assert [bar.at for bar in found] == [micro_of(OPEN) + at * 60_000_000 for at in range(6)]


def test_bars_out_of_order_and_twice_come_once_in_order(server):
    server.bars["AAPL", "1minute"] = [minute(2), minute(0), minute(1), minute(1)]
    pages = guarded(server).bars("AAPL", minutes=1, start=OPEN, end=OPEN + timedelta(hours=1))
    assert [(bar.at - micro_of(OPEN)) // 60_000_000 for page in pages for bar in page] == [0, 1, 2]


def test_anything_that_a_provider_raises_is_a_provider_error(server):
    vendor = guarded(server)
    assert failure(lambda: vendor.quotes(None)).code == ProviderError.MALFORMED


def test_what_is_known_is_in_redis(server):
    vendor = guarded(server, per_minute=10)
    vendor.status("NYSE")
    server.fail_next((401, {"error": "Unknown API Key right-key"}))
    failure(lambda: vendor.status("NYSE"))
    found = record()
    assert (found["calls"], found["failures"], found["error_code"]) == ("2", "1", "unauthorized")
    assert (found["error"], found["budget_left"]) == ("HTTP 401: Unknown API Key ***", "8")
    assert time.time() - float(found["ok_at"]) < 5
    assert client().ttl("md:provider:polygon") > 3_600


def test_streams_are_recorded_and_open_the_circuit(server):
    vendor = guarded(server, failures=2)
    with streaming(vendor, ["AAPL"]) as heard:
        server.wait_subscribed("AAPL")
        heard.wait(connected=1)
    assert record()["calls"] == "1"
    server.refuse_streams = True
    for _ in range(2):
        with streaming(vendor, ["AAPL"]) as heard:
            assert heard.wait_error().code == ProviderError.UNAVAILABLE
    assert vendor.is_open
    with pytest.raises(ProviderError, match="rests"):
        vendor.stream(["AAPL"], heard.sink(), Event())
