"""The same contest definition played twice gives the same standings to the cent."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ai_strategies.models import AgentSeat, Decision
from ai_strategies.tests.factories import agent, arena, wavy_bars
from contests.models import Contest
from contests.services.replays import contest_replay
from contests.tests.factories import OPERATOR
from core.errors import Conflict
from marketdata.services.ticks import market_step
from trading.models import Fill

pytestmark = pytest.mark.django_db

PARAMS = {
    "sma_crossover": {"fast": 3, "slow": 8},
    "momentum": {"lookback": 8, "top": 2},
    "mean_reversion": {"window": 8, "entry": 1.0},
    "breakout": {"entry_days": 8, "exit_days": 4},
    "volatility_target": {"window": 10},
    "random": {"chance_pct": 60},
    "buy_and_hold": {},
}


def everyone():
    return [agent(key, params=params, key=key.replace("_", "-"), seed=11) for key, params in PARAMS.items()]


def history(slug: str) -> list[tuple]:
    contest = Contest.objects.get(slug=slug)
    rows = Decision.objects.filter(contest_id=contest.pk).order_by("tick", "account_id", "n")
    fields = ("agent__key", "tick", "n", "action", "symbol", "quantity", "reason", "status", "code", "price")
    return list(rows.values_list(*fields))


def test_the_same_definition_gives_the_same_standings_to_the_cent():
    view = arena(*everyone(), started=False, bars=wavy_bars(days=30), market={"seed": 3})
    first, second = (contest_replay(actor=OPERATOR, slug=view.slug, reveal=True) for _ in range(2))
    assert first.hash == second.hash
    assert first.ticks == second.ticks == 120
    shown = [
        [(row.rank, row.name, row.value_minor, row.cash_minor, row.trades) for row in run.rows]
        for run in (first, second)
    ]
    assert shown[0] == shown[1]
    assert len(shown[0]) == len(PARAMS)
    assert len({row[2] for row in shown[0]}) > 4, "the strategies must differ"
    assert history(first.slug) == history(second.slug)
    traded = {key for key, *_, status, _, _ in history(first.slug) if status == "filled"}
    assert traded == {key.replace("_", "-") for key in PARAMS}


def test_another_seed_is_another_contest():
    chance = agent("random", params={"chance_pct": 80})
    bars = wavy_bars(days=10)
    hashes = set()
    for seed in (1, 2):
        view = arena(chance, started=False, bars=bars, market={"seed": seed})
        hashes.add(contest_replay(actor=OPERATOR, slug=view.slug, reveal=True).hash)
    assert len(hashes) == 2


def test_the_command_says_so():
    view = arena(agent("buy_and_hold"), agent("random"), started=False, bars=wavy_bars(days=6))
    out = StringIO()
    call_command("replay_twice", view.slug, ticks=9, reveal=True, stdout=out)
    assert "Equal to the cent" in out.getvalue()
    assert "9 ticks" in out.getvalue()
    assert AgentSeat.objects.filter(contest__visibility="private").count() == 4
    assert Fill.objects.exists()
    with pytest.raises(CommandError, match="contest_not_found"):
        call_command("replay_twice", "nowhere")


def test_a_contest_that_runs_is_replayed_only_as_far_as_it_has_printed():
    view = arena(agent("buy_and_hold"), bars=wavy_bars(days=6))
    with pytest.raises(Conflict):
        contest_replay(actor=OPERATOR, slug=view.slug)
    market_step(market_id=view.market_id, ticks=5)
    run = contest_replay(actor=OPERATOR, slug=view.slug)
    assert run.ticks == 5
    assert contest_replay(actor=OPERATOR, slug=view.slug, ticks=3).ticks == 3
    scratch = Contest.objects.get(slug=run.slug)
    assert scratch.market.tick == 4
