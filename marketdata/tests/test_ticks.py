"""Advancing a market: order of work, gates, failures, crashes, the end."""

import json

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from core.errors import Conflict
from core.models import OutboxEvent
from core.redis import client
from marketdata import selectors
from marketdata.adapters import board
from marketdata.domain import ports
from marketdata.models import Market
from marketdata.services import markets, ticks
from marketdata.tests.factories import advance, replay_market

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_ports(monkeypatch):
    """No listeners and gates but the test's own; no waiting."""
    monkeypatch.setattr(ports, "_listeners", {})
    monkeypatch.setattr(ports, "_gates", {})
    monkeypatch.setattr(ticks, "LISTENER_BACKOFF_SECONDS", 0)
    monkeypatch.setattr(ticks, "GATE_WAIT_SECONDS", 0.05)


def quotes_seen(market_id):
    return {symbol: quote.to_json() for symbol, quote in selectors.quotes_all(market_id).items()}


def test_a_whole_market():
    market = replay_market(warmup=2)
    assert selectors.quote_get(market.id, "AAA") is None
    clock = selectors.market_clock(market.id)
    assert (clock.tick, clock.day_index, clock.status, clock.ticks_total) == (-1, 0, "running", 12)
    played = []
    while tick := ticks.tick_advance(market_id=market.id):
        played.append(tick)
        clock = selectors.market_clock(market.id)
        assert (clock.tick, clock.at) == (tick.index, tick.at)
        assert selectors.quotes_all(market.id) == tick.quotes
    assert [tick.index for tick in played] == list(range(12))
    assert [tick.is_new_day for tick in played] == [True, False, False, False] * 3
    assert [tick.at for tick in played] == sorted({tick.at for tick in played})
    assert selectors.market_view(market.id).status == "ended"
    assert selectors.market_clock(market.id).status == "ended"
    assert ticks.tick_advance(market_id=market.id) is None
    topics = list(OutboxEvent.objects.filter(aggregate=f"market:{market.id}").values_list("topic", flat=True))
    assert topics == ["marketdata.market_started", "marketdata.market_ended"]


def test_only_a_running_market_moves():
    market = replay_market(running=False)
    assert advance(market.id) is None
    markets.market_start(actor=None, market_id=market.id)
    assert advance(market.id).index == 0
    markets.market_pause(actor=None, market_id=market.id)
    assert advance(market.id) is None
    assert selectors.market_clock(market.id).status == "paused"
    assert selectors.quote_get(market.id, "AAA").tick == 0
    markets.market_resume(actor=None, market_id=market.id)
    assert advance(market.id).index == 1
    assert selectors.market_clock(market.id).status == "running"


def test_the_tick_is_pushed(django_capture_on_commit_callbacks):
    market = replay_market(warmup=2)
    with django_capture_on_commit_callbacks(execute=True):
        advance(market.id)
    [(_, fields)] = [entry for entry in client().xrange(f"sse:market:{market.id}") if entry[1]["e"] == "tick"]
    assert json.loads(fields["d"]) == {
        "tick": 0,
        "at": "2024-01-10T14:30:00Z",
        "day": 0,
        "days": 3,
        "phase": 0,
        "close": False,
        "quotes": {"AAA": ["105.00", "104.97", "105.03", "0.00"], "BBB": ["49.00", "48.99", "49.01", "0.00"]},
    }


def test_listeners_run_in_order_after_the_tick_is_shown():
    market, calls = replay_market(), []

    def listener(name):
        def call(view, tick):
            assert Market.objects.get(pk=view.id).tick == tick.index == view.tick
            assert selectors.quote_get(view.id, "AAA").tick == tick.index
            calls.append((name, tick.index))

        return call

    ports.register_tick_listener(30, "standings", listener("standings"))
    ports.register_tick_listener(10, "matching", listener("matching"))
    ports.register_tick_listener(20, "marking", listener("marking"))
    advance(market.id, 2)
    assert calls == [(name, tick) for tick in (0, 1) for name in ("matching", "marking", "standings")]


def test_a_failing_listener_is_called_again_on_the_same_tick():
    market, calls, failing = replay_market(), [], [True] * (ticks.LISTENER_ATTEMPTS + 1)

    def flaky(_, tick):
        calls.append(("flaky", tick.index))
        if failing and failing.pop():
            raise ValueError("not now")

    ports.register_tick_listener(1, "first", lambda _, tick: calls.append(("first", tick.index)))
    ports.register_tick_listener(2, "flaky", flaky)
    ports.register_tick_listener(3, "last", lambda _, tick: calls.append(("last", tick.index)))
    with pytest.raises(ValueError, match="not now"):
        ticks.tick_advance(market_id=market.id)
    assert calls == [("first", 0), *[("flaky", 0)] * ticks.LISTENER_ATTEMPTS]
    calls.clear()
    assert ticks.tick_advance(market_id=market.id).index == 1
    assert calls == [("flaky", 0), ("flaky", 0), ("last", 0), ("first", 1), ("flaky", 1), ("last", 1)]


def test_gates_hold_a_tick_for_a_while_only(caplog):
    market, asked = replay_market(ticks=1), []

    def gate(market_id, tick):
        asked.append((market_id, tick))
        return len(asked) >= 3

    ports.register_tick_gate("agents", gate)
    assert advance(market.id).index == 1
    assert asked == [(market.id, 0)] * 3
    ports.register_tick_gate("agents", lambda *_: False)
    ports.register_tick_gate("broken", lambda *_: 1 / 0)
    assert advance(market.id).index == 2
    assert "leaves tick 1 although agents, broken is not done" in caplog.text


def test_no_gate_is_asked_before_the_first_tick():
    ports.register_tick_gate("never", lambda *_: pytest.fail("asked"))
    assert advance(replay_market().id).index == 0


def crash(market_id):
    """What a crash and a new Redis leave: the database."""
    ticks.forget_process_state()
    selectors.cache_clear()
    board.board_drop(market_id)


def test_restart_continues_with_the_same_sequence():
    market = replay_market(warmup=1, mask=True, seed=5)
    whole = [tick.quotes for tick in iter(lambda: ticks.tick_advance(market_id=market.id), None)]
    again = replay_market(warmup=1, mask=True, seed=5)
    parts = []
    while tick := advance(again.id):
        crash(again.id)
        assert quotes_seen(again.id) == {symbol: quote.to_json() for symbol, quote in tick.quotes.items()}
        parts.append(tick.quotes)
    strip = lambda quotes: {s: {**q.to_json(), "listing_id": 0} for s, q in quotes.items()}  # noqa: E731
    assert [strip(quotes) for quotes in parts] == [strip(quotes) for quotes in whole]


def test_crash_between_store_and_publish(monkeypatch):
    market, calls = replay_market(ticks=2), []
    ports.register_tick_listener(1, "work", lambda _, tick: calls.append(tick.index))

    def down(**_):
        raise RedisConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(ticks, "tick_publish", down)
        with pytest.raises(RedisConnectionError):
            ticks.tick_advance(market_id=market.id)
    assert Market.objects.get(pk=market.id).tick == 2
    assert selectors.market_clock(market.id).tick == 1
    assert calls == []
    ticks.forget_process_state()
    assert ticks.tick_resume(market_id=market.id).index == 2
    assert selectors.market_clock(market.id).tick == 2
    assert selectors.quote_get(market.id, "AAA").tick == 2
    assert calls == [2]
    assert advance(market.id).index == 3
    assert calls == [2, 3]


def test_a_lost_board_is_rebuilt_and_refilled():
    market = replay_market(ticks=3)
    seen = quotes_seen(market.id)
    board.board_drop(market.id)
    assert quotes_seen(market.id) == seen
    assert board.board_all(market.id)[0].keys() == seen.keys()
    board.board_drop(market.id)
    assert selectors.quote_get(market.id, "BBB").to_json() == seen["BBB"]
    assert selectors.market_clock(market.id).tick == 2


def test_a_refill_does_not_overwrite_a_newer_board():
    market = replay_market(ticks=1)
    quotes, clock = selectors.rebuild(market.id, refill=False)
    advance(market.id)
    board.board_refill(clock, quotes)
    assert selectors.market_clock(market.id).tick == 1


def test_without_redis_reads_come_from_the_database(monkeypatch):
    market = replay_market(ticks=2)
    seen = quotes_seen(market.id)

    def down():
        raise RedisConnectionError("gone")

    monkeypatch.setattr(board, "client", down)
    assert quotes_seen(market.id) == seen
    assert selectors.quote_get(market.id, "AAA").to_json() == seen["AAA"]
    assert selectors.market_clock(market.id).tick == 1
    markets.market_pause(actor=None, market_id=market.id)
    assert selectors.market_clock(market.id).status == "paused"


def test_a_status_change_during_publishing_is_not_lost(monkeypatch):
    """A pause that commits while a tick is being shown stays on the board."""
    market = replay_market(ticks=1)
    write = board.board_write

    def pause_meanwhile(clock, quotes):
        if clock.tick == 1 and clock.status == "running":
            Market.objects.filter(pk=market.id).update(status="paused")
        write(clock, quotes)

    monkeypatch.setattr("marketdata.services.publish.board_write", pause_meanwhile)
    advance(market.id)
    clock = selectors.market_clock(market.id)
    assert (clock.tick, clock.status) == (1, "paused")


def test_market_step_is_inline_and_stops_at_the_end():
    market, inline = replay_market(warmup=3), []
    ports.register_tick_listener(1, "work", lambda *_: inline.append(ports.is_inline()))
    assert [tick.index for tick in ticks.market_step(market_id=market.id, ticks=3)] == [0, 1, 2]
    assert len(ticks.market_step(market_id=market.id, ticks=100)) == 5
    assert inline == [True] * 8
    assert not ports.is_inline()
    assert ticks.market_step(market_id=market.id, ticks=1) == []


def test_market_step_refuses_when_somebody_else_has_the_market(monkeypatch):
    market = replay_market()
    monkeypatch.setattr("marketdata.locks.MarketLease.hold", lambda _: False)
    with pytest.raises(Conflict) as refused:
        ticks.market_step(market_id=market.id, ticks=1)
    assert refused.value.code == "market_busy"
    assert ticks.tick_advance(market_id=market.id) is None


def test_two_markets_with_the_same_definition_play_the_same():
    first, second = replay_market(mask=True, seed=3), replay_market(mask=True, seed=3)
    while tick := advance(first.id):
        twin = advance(second.id)
        assert [(q.symbol, q.last, q.bid, q.ask, q.volume) for q in tick.quotes.values()] == [
            (q.symbol, q.last, q.bid, q.ask, q.volume) for q in twin.quotes.values()
        ]
