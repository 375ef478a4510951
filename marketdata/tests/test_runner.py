"""The market process: its wall schedule, failures that do not stop it, and that only one advances a market."""

import time
from threading import Barrier, Event, Thread

import pytest
from django.db import OperationalError, connection, connections
from redis.exceptions import ConnectionError as RedisConnectionError

from core import heartbeat
from core.errors import Conflict
from marketdata import selectors
from marketdata.domain import ports
from marketdata.locks import MarketLease
from marketdata.models import Market
from marketdata.services import markets, runner, ticks
from marketdata.services.runner import MarketProcess, MarketRunner, backoff
from marketdata.tests.factories import replay_market


@pytest.fixture(autouse=True)
def _own_ports(monkeypatch):
    monkeypatch.setattr(ports, "_listeners", {})
    monkeypatch.setattr(ports, "_gates", {})


def stored(market_id):
    return Market.objects.values_list("tick", flat=True).get(pk=market_id)


@pytest.mark.django_db
class TestSchedule:
    def start(self, **definition):
        market = replay_market(seconds_per_tick="2", **definition)
        return market.id, MarketRunner(market.id)

    def test_a_tick_each_period(self):
        market_id, one = self.start()
        assert one.step(100.0) == 102.0
        assert stored(market_id) == 0
        assert one.step(101.9) == 102.0
        assert stored(market_id) == 0
        assert one.step(102.3) == 104.0  # a little late does not drift
        assert stored(market_id) == 1

    def test_what_was_missed_is_not_made_up_for(self):
        market_id, one = self.start()
        one.step(100.0)
        assert one.step(200.0) == 202.0
        assert stored(market_id) == 1

    def test_taken_over_in_the_middle_the_tick_gets_its_full_time(self):
        market_id, one = self.start(ticks=3)
        calls = []
        ports.register_tick_listener(1, "work", lambda _, tick: calls.append(tick.index))
        ticks.forget_process_state()
        assert one.step(50.0) == 52.0
        assert stored(market_id) == 2
        assert calls == [2]  # the listeners of the tick in force run again
        one.step(52.0)
        assert calls == [2, 3]

    def test_a_failing_listener_waits_longer_and_longer_on_its_tick(self, caplog):
        market_id, one = self.start()
        failing = [True, True, True]
        calls = []

        def flaky(_, tick):
            calls.append(tick.index)
            if failing and failing.pop():
                raise ValueError("not now")

        ports.register_tick_listener(1, "flaky", flaky)
        now, waits = 100.0, []
        while failing:
            wake = one.step(now)
            waits.append(round(wake - now, 3))
            now = wake
        assert waits == [0.2, 0.4, 0.8]
        assert stored(market_id) == 0
        assert "flaky failed at tick 0" in caplog.text
        assert one.step(now) == now + 2.0
        assert calls == [0] * 4
        assert backoff(50) == 5.0

    def test_a_closed_gate_holds_the_tick_but_not_for_ever(self):
        market_id, one = self.start()
        ports.register_tick_gate("agents", lambda *_: False)
        one.step(100.0)
        assert one.step(102.0) == 102.05
        assert one.step(111.9) == pytest.approx(111.95)
        assert stored(market_id) == 0
        one.step(112.1)
        assert stored(market_id) == 1

    def test_publishing_is_tried_again_when_redis_is_back(self, monkeypatch):
        market_id, one = self.start()
        down = [True, True]
        publish = ticks.tick_publish

        def flaky(**what):
            if down and down.pop():
                raise RedisConnectionError("gone")
            publish(**what)

        monkeypatch.setattr(ticks, "tick_publish", flaky)
        now = 100.0
        for _ in range(3):
            now = one.step(now)
        assert stored(market_id) == 0
        assert selectors.market_clock(market_id).tick == 0

    def test_the_end(self):
        market_id, one = self.start(warmup=4)
        now = 0.0
        for _ in range(6):
            now = one.step(now)
        assert selectors.market_view(market_id).status == "ended"
        assert stored(market_id) == 3


@pytest.mark.django_db
class TestProcess:
    def test_it_follows_markets_that_start_and_pause(self):
        now = [0.0]
        process = MarketProcess(Event(), clock=lambda: now[0])
        market = replay_market(seconds_per_tick="1", running=False)
        process.round()
        assert not process.runners
        markets.market_start(actor=None, market_id=market.id)
        now[0] = 1.0
        process.round()
        assert stored(market.id) == 0
        markets.market_pause(actor=None, market_id=market.id)
        now[0] = 2.0
        process.round()
        assert not process.runners
        assert stored(market.id) == 0
        assert heartbeat.alive("market")

    def test_only_these(self):
        first, second = replay_market(), replay_market()
        process = MarketProcess(Event(), frozenset({second.id}))
        process.round()
        assert (stored(first.id), stored(second.id)) == (-1, 0)

    def test_it_survives_a_lost_service(self, monkeypatch, caplog):
        market, failures = replay_market(), [OperationalError("gone"), RedisConnectionError("gone")]
        monkeypatch.setattr(connection, "close", lambda: None)
        monkeypatch.setattr(runner, "backoff", lambda _: 0.0)
        scan = runner.running_markets
        monkeypatch.setattr(
            runner, "running_markets", lambda: (_ for _ in ()).throw(failures.pop()) if failures else scan()
        )
        process = MarketProcess(Event())
        for _ in range(3):
            process.round()
        assert stored(market.id) == 0
        assert caplog.text.count("lost a service") == 2

    def test_no_heartbeat_is_no_reason_to_stop(self, monkeypatch):
        def down(*_, **__):
            raise RedisConnectionError("gone")

        monkeypatch.setattr(heartbeat, "beat", down)
        market = replay_market()
        MarketProcess(Event()).round()
        assert stored(market.id) == 0


def in_thread(work):
    """Run on a database session of its own."""

    def run():
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_two_processes_racing_advance_a_market_once(monkeypatch):
    market, busy, calls, clashes = replay_market(), [], [], []

    def work(_, tick):
        clashes.extend(busy)
        busy.append(tick.index)
        calls.append(tick.index)
        time.sleep(0.003)
        busy.remove(tick.index)

    ports.register_tick_listener(1, "work", work)
    gate = Barrier(4)

    def race():
        gate.wait()
        while selectors.market_view(market.id).status == "running":
            ticks.tick_advance(market_id=market.id)

    for thread in [in_thread(race) for _ in range(4)]:
        thread.join()
    assert calls == list(range(20))
    assert clashes == []


@pytest.mark.django_db(transaction=True)
def test_a_second_process_stands_by_and_takes_over():
    market = replay_market(seconds_per_tick="1")
    first = MarketRunner(market.id)
    first.step(0.0)
    seen = []

    def other():
        second = MarketRunner(market.id)
        assert second.step(10.0) == 10.5
        seen.append(stored(market.id))
        crashed.wait(5)
        # The database takes a moment to notice that a session is gone.
        until = time.monotonic() + 10
        while second.step(20.0) == 20.5 and time.monotonic() < until:
            time.sleep(0.01)
        second.step(21.0)
        seen.append(stored(market.id))
        second.drop()

    crashed = Event()
    thread = in_thread(other)
    while not seen:
        time.sleep(0.01)
    connection.close()  # the first process dies; its lease dies with its session
    crashed.set()
    thread.join()
    assert seen == [0, 1]
    assert first.step(30.0) == 31.0  # back again, it continues from what the other has stored
    assert (first.tick, stored(market.id)) == (1, 1)
    first.drop()


@pytest.mark.django_db(transaction=True)
def test_a_held_market_is_left_alone_by_the_market_process():
    market = replay_market()
    with ticks.market_hold(market_id=market.id):
        in_thread(MarketProcess(Event()).round).join()
        assert stored(market.id) == -1
        assert [tick.index for tick in ticks.market_step(market_id=market.id, ticks=2)] == [0, 1]
    errors = []

    def refused():
        try:
            ticks.market_step(market_id=market.id, ticks=1)
        except Conflict as error:
            errors.append(error.code)

    with ticks.market_hold(market_id=market.id):
        in_thread(refused).join()
    assert errors == ["market_busy"]


@pytest.mark.django_db(transaction=True)
def test_a_lease_nests_and_ends():
    one, two = MarketLease(1), MarketLease(1)
    assert one.hold()
    assert two.hold()
    one.release()
    answers = []
    in_thread(lambda: answers.append(MarketLease(1).hold())).join()
    two.release()
    in_thread(lambda: answers.append(MarketLease(1).hold())).join()
    assert answers == [False, True]
