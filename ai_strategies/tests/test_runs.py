"""Agents' turns: seats, leases, crashes, gates, and what is written down."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import IntegrityError, connection, transaction
from kombu.exceptions import OperationalError

from ai_strategies import selectors, tasks
from ai_strategies.locks import runs_lease
from ai_strategies.models import AgentRun, AgentSeat, Decision
from ai_strategies.services import recovery, runs
from ai_strategies.services.agents import agent_create, agent_set_active
from ai_strategies.services.runs import runs_execute
from ai_strategies.services.turns import turns_open
from ai_strategies.tests.factories import agent, arena
from contests.models import Participant
from contests.tests.factories import deliver
from core.errors import Invalid, NotFound
from marketdata.domain.ports import unregister_tick_listener
from marketdata.selectors import market_slice, market_view
from marketdata.services.ticks import gates_closed, market_step, tick_advance
from trading import selectors as trading_selectors
from trading.models import Fill, Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def quiet():
    """A contest whose agents get their turns by hand: the tick listener is away."""
    from ai_strategies import listeners

    unregister_tick_listener("ai_strategies.agents")
    yield
    listeners.register()


def opened(view):
    """The turns of the tick in force, opened but not taken."""
    market = market_view(view.market_id)
    tick = market_slice(view.market_id).tick(market.tick, market.source_label)
    return tick.index, turns_open(market, tick)


def test_agents_take_their_seats_when_a_contest_is_announced_and_at_its_start():
    first, second = agent(), agent("random")
    view = arena(first, second, started=False)
    deliver()
    seats = list(AgentSeat.objects.filter(contest_id=view.id).order_by("account_id").values_list("agent_id", flat=True))
    assert seats == [first.pk, second.pk]
    assert Participant.objects.filter(contest_id=view.id, kind="agent").count() == 2
    late = arena(first, second)  # started before the outbox was drained
    deliver()
    assert AgentSeat.objects.filter(contest_id=late.id).count() == 2


def test_an_agent_trades_through_the_order_path_and_its_decisions_are_kept():
    view = arena(agent("buy_and_hold"))
    market_step(market_id=view.market_id, ticks=2)
    seat = AgentSeat.objects.get(contest_id=view.id)
    assert Order.objects.filter(account_id=seat.account_id, source="agent", status="filled").count() == 2
    bought = selectors.decisions(contest_id=view.id)
    assert [(item.action, item.status) for item in bought] == [("buy", "filled")] * 2
    assert all(item.price and item.order_id and "equal share" in item.reason for item in bought)
    [held] = [item for item in selectors.decisions(account_id=seat.account_id, holds=True) if item.action == "hold"]
    assert (held.status, held.tick) == ("none", 1)
    assert trading_selectors.account_get(seat.account_id, None).fills_count == 2
    assert AgentRun.objects.filter(state="done").count() == 2


def test_the_interval_is_market_time():
    view = arena(agent("random", params={"chance_pct": 100}), agent_interval_minutes=24 * 60)
    market_step(market_id=view.market_id, ticks=12)
    assert sorted(AgentRun.objects.values_list("tick", flat=True)) == [0, 4, 8]


def test_a_duplicate_delivery_does_nothing(quiet):
    view = arena(agent())
    tick_advance(market_id=view.market_id)
    tick, accounts = opened(view)
    assert opened(view) == (tick, accounts)
    assert runs_execute(market_id=view.market_id, tick=tick, account_ids=accounts) == 1
    assert runs_execute(market_id=view.market_id, tick=tick, account_ids=accounts) == 0
    assert Fill.objects.count() == 2


def test_a_leased_turn_is_left_alone_until_its_lease_runs_out(quiet):
    view = arena(agent())
    tick_advance(market_id=view.market_id)
    tick, accounts = opened(view)
    assert len(runs_lease(market_id=view.market_id, tick=tick, account_ids=accounts)) == 1
    assert runs_execute(market_id=view.market_id, tick=tick, account_ids=accounts) == 0
    assert gates_closed(view.market_id, tick) == ["ai_strategies.agents"]
    AgentRun.objects.update(leased_until=datetime.now(tz=UTC) - timedelta(seconds=1))
    assert gates_closed(view.market_id, tick) == []
    run = AgentRun.objects.get()
    assert (run.state, run.attempts) == ("done", 2)


def test_a_turn_cut_off_half_way_is_taken_up_with_the_same_plan_and_no_order_twice(quiet):
    view = arena(agent())
    tick_advance(market_id=view.market_id)
    tick, accounts = opened(view)
    real, calls = runs.order_place, []

    def dies(**arguments):
        calls.append(arguments["idempotency_key"])
        if len(calls) == 2:
            raise ConnectionError("the worker was killed")
        return real(**arguments)

    with patch.object(runs, "order_place", dies), pytest.raises(ConnectionError):
        runs_execute(market_id=view.market_id, tick=tick, account_ids=accounts)
    run = AgentRun.objects.get()
    assert (run.state, len(run.plan), Fill.objects.count(), Decision.objects.count()) == ("leased", 2, 1, 0)
    AgentRun.objects.update(leased_until=datetime.now(tz=UTC) - timedelta(seconds=1))
    assert recovery.runs_recover() == 1
    assert Fill.objects.count() == 2
    assert Order.objects.count() == 2
    assert list(Decision.objects.order_by("n").values_list("n", "status")) == [(0, "filled"), (1, "filled")]
    assert calls == [f"agent:{accounts[0]}:0:0", f"agent:{accounts[0]}:0:1"]


def test_turns_that_no_worker_takes_are_taken_by_the_gate(quiet):
    view = arena(agent())
    tick_advance(market_id=view.market_id)
    tick, _ = opened(view)
    assert gates_closed(view.market_id, tick) == ["ai_strategies.agents"]
    AgentRun.objects.update(created_at=datetime.now(tz=UTC) - timedelta(minutes=1))
    assert gates_closed(view.market_id, tick) == []
    assert Fill.objects.count() == 2


def test_turns_of_a_past_tick_are_missed_not_traded(quiet):
    view = arena(agent())
    tick_advance(market_id=view.market_id)
    tick, accounts = opened(view)
    with patch("marketdata.services.ticks.tick_gates", dict):
        tick_advance(market_id=view.market_id)
    AgentRun.objects.update(created_at=datetime.now(tz=UTC) - timedelta(minutes=1))
    assert recovery.runs_recover() == 0
    assert AgentRun.objects.get().state == "missed"
    assert runs_execute(market_id=view.market_id, tick=tick, account_ids=accounts) == 0
    assert not Order.objects.exists()


def test_a_strategy_that_fails_loses_its_turn_and_nobody_elses():
    broken, sound = agent("momentum"), agent("buy_and_hold")
    view = arena(broken, sound)
    with patch("ai_strategies.domain.strategies.momentum.Momentum.decide", side_effect=ZeroDivisionError):
        market_step(market_id=view.market_id, ticks=1)
    assert AgentRun.objects.filter(state="done").count() == 2
    [lost] = selectors.decisions_query(contest_id=view.id).filter(agent=broken)
    assert (lost.action, lost.reason) == ("hold", "The strategy failed and did nothing: ZeroDivisionError.")
    assert Fill.objects.count() == 2


def test_refusals_are_written_down_with_their_code():
    eager = agent("buy_and_hold")
    view = arena(eager)
    eager.user.status = "suspended"
    eager.user.save(update_fields=["status"])
    market_step(market_id=view.market_id, ticks=1)
    codes = {(item.status, item.code) for item in selectors.decisions(contest_id=view.id)}
    assert codes == {("denied", "account_suspended")}


def test_agents_keep_to_the_rules_of_the_contest():
    view = arena(agent("random", params={"chance_pct": 100, "share_pct": 90}), constraints={"max_position_pct": "10"})
    market_step(market_id=view.market_id, ticks=8)
    made = selectors.decisions(contest_id=view.id)
    assert made
    assert {item.status for item in made} == {"filled"}


def test_decisions_are_append_only_but_old_holds_are_pruned():
    view = arena(agent("buy_and_hold"))
    market_step(market_id=view.market_id, ticks=3)
    long_ago = datetime.now(tz=UTC) - timedelta(days=2)
    AgentRun.objects.update(finished_at=long_ago)
    for sql in ("UPDATE ai_strategies_decision SET reason = 'x'", "DELETE FROM ai_strategies_decision"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    with patch.object(recovery, "HOLDS_KEPT", timedelta(seconds=-60)):
        assert recovery.prune() == {"holds": 2, "runs": 3}
    assert set(Decision.objects.values_list("action", flat=True)) == {"buy"}


def test_agents_are_made_once_and_checked():
    made = agent(key="ada", name="Ada")
    assert agent_create(actor=None, key="ada", name="Ada", strategy="buy_and_hold") == made.pk
    for fields in ({"strategy": "nope"}, {"key": "Not A Key"}, {"params": {"x": 1}}):
        with pytest.raises(Invalid):
            agent_create(actor=None, **{"key": "new", "name": "New", "strategy": "momentum", **fields})
    agent_set_active(actor=None, agent_id=made.pk, active=False)
    with pytest.raises(Invalid):
        arena(made)
    with pytest.raises(NotFound):
        selectors.agent_get(10**9)
    assert not made.user.has_usable_password()


def test_the_market_process_hands_turns_to_a_task():
    view = arena(agent(), agent("random", params={"chance_pct": 100}))
    with patch("ai_strategies.listeners.agents_trade.apply_async") as send:
        tick_advance(market_id=view.market_id)
    accounts = list(AgentSeat.objects.order_by("account_id").values_list("account_id", flat=True))
    send.assert_called_once_with((view.market_id, 0, accounts), expires=60)
    assert not Order.objects.exists()
    tasks.agents_trade(view.market_id, 0, accounts)
    tasks.agents_trade(view.market_id, 0, accounts)
    assert Order.objects.count() == 3
    assert tick_advance(market_id=view.market_id).index == 1


def test_a_broker_that_is_away_does_not_stop_the_market():
    view = arena(agent())
    with patch("ai_strategies.listeners.agents_trade.apply_async", side_effect=OperationalError):
        tick_advance(market_id=view.market_id)
    AgentRun.objects.update(created_at=datetime.now(tz=UTC) - timedelta(minutes=1))
    assert gates_closed(view.market_id, 0) == []
    assert Order.objects.count() == 2
