"""Coded strategies: sane answers, determinism, nothing beyond the view."""

import ast
import inspect
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_strategies.domain.sizing import weight
from ai_strategies.domain.strategies import STRATEGIES, make
from ai_strategies.domain.view import Action, Price, StrategyView
from core.errors import Invalid

CASH = Decimal(1_000_000)


def view(
    closes: np.ndarray, *, positions=None, cash=CASH, day=0, phase=0, seed=1, max_weight=Decimal(1)
) -> StrategyView:
    matrix = np.array(closes, dtype=np.float64)
    matrix.flags.writeable = False
    symbols = tuple(f"S{i}" for i in range(matrix.shape[1]))
    last = {s: Decimal(f"{matrix[-1, i]:.2f}") for i, s in enumerate(symbols) if not np.isnan(matrix[-1, i])}
    quotes = {s: Price(p - Decimal("0.01"), p + Decimal("0.01"), p) for s, p in last.items()}
    held = positions or {}
    equity = cash + sum((last[s] * q for s, q in held.items()), Decimal(0))
    rng = np.random.default_rng([seed, day, phase])
    return StrategyView(symbols, matrix, quotes, held, cash, equity, day, phase, rng, max_weight)


def walk(seed: int, days: int = 270, symbols: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.02, size=(days, symbols)), axis=0))


def spent(actions: list[Action], seen: StrategyView) -> Decimal:
    return sum((seen.quotes[a.symbol].ask * a.quantity for a in actions if a.side == "buy"), Decimal(0))


def trades(actions: list[Action]) -> list[Action]:
    return [action for action in actions if action.side != "hold"]


@pytest.mark.parametrize("key", sorted(STRATEGIES))
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    days=st.integers(1, 270),
    held=st.lists(st.integers(0, 3000), min_size=8, max_size=8),
    cash=st.integers(0, 2_000_000),
    day=st.integers(0, 40),
    phase=st.integers(0, 3),
    cap=st.sampled_from(["1", "0.25", "0.05"]),
)
def test_any_market_any_account(key, seed, days, held, cash, day, phase, cap):
    def see() -> StrategyView:
        positions = {f"S{i}": q for i, q in enumerate(held) if q}
        closes = walk(seed, days)
        closes[: days // 3, 0] = np.nan  # listed later than the others
        return view(closes, positions=positions, cash=Decimal(cash), day=day, phase=phase, max_weight=Decimal(cap))

    seen = see()
    actions = make(key, {}).decide(seen)
    assert actions == make(key, {}).decide(see()), "the same view must give the same answer"
    assert actions, "a strategy always says something"
    assert all(action.reason and 0 <= action.confidence <= 1 for action in actions)
    holds = [action for action in actions if action.side == "hold"]
    assert len(holds) <= 1
    assert not holds or len(actions) == 1
    real = trades(actions)
    assert all(isinstance(a.quantity, int) and a.quantity > 0 and a.symbol in seen.quotes for a in real)
    for symbol in seen.symbols:
        assert sum(a.quantity for a in real if a.side == "sell" and a.symbol == symbol) <= seen.positions.get(symbol, 0)
    sold = sum((seen.quotes[a.symbol].bid * a.quantity for a in real if a.side == "sell"), Decimal(0))
    assert spent(real, seen) <= (seen.cash + sold) * Decimal("0.99") + 1
    sides = [a.side for a in real]
    assert sides == sorted(sides, key=lambda side: side != "sell"), "sells come first"
    for action in (a for a in real if a.side == "buy"):
        worth = seen.value(action.symbol) + seen.quotes[action.symbol].ask * action.quantity
        assert worth <= seen.max_weight * seen.equity + seen.quotes[action.symbol].ask


@pytest.mark.parametrize("key", sorted(STRATEGIES))
def test_every_strategy_trades_in_a_year(key):
    closes, strategy = walk(3, 520), make(key, {})
    days = [trades(strategy.decide(view(closes[: 260 + day], day=day))) for day in range(0, 250, 5)]
    assert any(days)


@pytest.mark.parametrize("key", sorted(STRATEGIES))
def test_reads_nothing_but_the_view(key):
    module = inspect.getmodule(STRATEGIES[key])
    tree = ast.parse(inspect.getsource(module))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    allowed = {
        "__future__",
        "dataclasses",
        "typing",
        "numpy",
        "ai_strategies.domain.sizing",
        "ai_strategies.domain.view",
    }
    assert imported <= allowed
    assert "open(" not in inspect.getsource(module)
    assert "np.random" not in inspect.getsource(module)


def test_chance_depends_on_the_seed_alone():
    closes = walk(1)
    strategy = make("random", {"chance_pct": 100})
    assert strategy.decide(view(closes, seed=5)) == strategy.decide(view(closes, seed=5))
    assert len({str(strategy.decide(view(closes, seed=seed))) for seed in range(20)}) > 5


def test_crossover_buys_the_cross_and_says_the_figures():
    flat = np.full((60, 1), 100.0)
    rising = np.vstack([flat, np.linspace(100, 120, 20).reshape(-1, 1)])
    state = make("sma_crossover", {"positions": 1, "on_crossing": 0})
    [action] = state.decide(view(rising))
    assert action.side == "buy"
    assert "20-day average 110.00 is above 50-day average 104.00" in action.reason
    falling = np.vstack([flat, np.linspace(100, 80, 20).reshape(-1, 1)])
    for strategy in (state, make("sma_crossover", {"positions": 1})):
        [action] = strategy.decide(view(falling, positions={"S0": 10}))
        assert (action.side, action.quantity) == ("sell", 10)
        assert "crossed below" in action.reason


def test_a_crossover_is_an_event():
    strategy = make("sma_crossover", {"fast": 2, "slow": 5, "positions": 1})
    prices = np.array([10, 9, 8, 7, 6, 5, 9, 12, 13, 14], dtype=float).reshape(-1, 1)
    sides = [strategy.decide(view(prices[: days + 1]))[0].side for days in range(len(prices))]
    # Averages of 2 and 5 days: 5.5 and 7 after the sixth day, 7 and 7 after the seventh (a tie), 10.5 and 7.8 then.
    assert sides == ["hold"] * 7 + ["buy"] + ["hold"] * 2
    state = make("sma_crossover", {"fast": 2, "slow": 5, "positions": 1, "on_crossing": 0})
    assert [state.decide(view(prices[: days + 1]))[0].side for days in range(7, 10)] == ["buy"] * 3


def test_a_crossing_needs_both_averages_on_the_day_before():
    strategy = make("sma_crossover", {"fast": 2, "slow": 5, "positions": 1})
    rising = np.arange(1, 6, dtype=float).reshape(-1, 1)
    assert strategy.decide(view(rising))[0].side == "hold", "above from the first average on: nothing crossed"


def test_whoever_chooses_quantities_is_asked_even_for_one_unit():
    prices = np.array([10, 9, 8, 7, 6, 5, 9, 12], dtype=float).reshape(-1, 1)
    strategy = make("sma_crossover", {"fast": 2, "slow": 5, "positions": 1})
    seen = view(prices, cash=Decimal("12.05"))
    assert strategy.decide(seen)[0].side == "hold"
    [action] = strategy.decide(replace(seen, signal_only=True))
    assert (action.side, action.quantity) == ("buy", 1)


def test_buy_and_hold_buys_once():
    closes = walk(2)
    strategy = make("buy_and_hold", {})
    first = strategy.decide(view(closes))
    assert len(first) == 8
    assert spent(first, view(closes)) > Decimal("0.96") * CASH
    assert (
        strategy.decide(view(closes, positions={a.symbol: a.quantity for a in first}, cash=Decimal(20_000)))[0].side
        == "hold"
    )


def test_an_action_survives_json():
    action = Action("S1", "buy", 3, "because", 0.75)
    assert Action.from_json(action.to_json()) == action
    assert replace(action, quantity=4) != action
    assert weight(2.0) == 1
    assert weight(-1.0) == 0


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("nothing", {}),
        ("momentum", {"depth": 1}),
        ("momentum", {"top": 0}),
        ("momentum", {"top": True}),
        ("momentum", {"top": 1.5}),
        ("mean_reversion", {"entry": "2"}),
    ],
)
def test_wrong_parameters_are_refused(key, params):
    with pytest.raises(Invalid):
        make(key, params)
