"""Backtests on bars: against a loop of their own to the cent, and what a bar does to resting orders."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_strategies.domain.backtest.bars import STEPS, BarRules, run_bars
from ai_strategies.domain.backtest.engine import Paper, Turns
from ai_strategies.domain.backtest.result import closes_of, document
from ai_strategies.domain.backtest.types import Setup
from ai_strategies.domain.strategies import STRATEGIES, make
from ai_strategies.domain.view import StrategyView
from ai_strategies.tests import backtest_reference as reference
from trading.domain.margin import Terms
from trading.domain.types import OrderRequest
from trading.domain.venue import FRICTIONLESS

FILLS = ("next_open", "close")


def setup(cash: int = 1_000_000, fees: str = "pct:0.1", **terms) -> Setup:
    return Setup(cash, terms=Terms(fees=fees, **terms), venue=FRICTIONLESS)


def crossover(
    feed, fill: str, *, cash: int = 1_000_000, fees: str = "pct:0.1", fast: int = 10, slow: int = 30
) -> Paper:
    strategy = make("sma_crossover", {"fast": fast, "slow": slow, "positions": 1})
    return run_bars(feed, setup(cash, fees), strategy.decide, Turns(), BarRules(fill, "all_in"))


def assert_as_the_loop(rows, days, fill: str, *, rate: str = "0.001", cash: int = 1_000_000, fast=10, slow=30) -> Paper:
    percent = Decimal(rate) * 100
    fees = f"pct:{percent.normalize():f}" if percent else "none"
    paper = crossover(reference.feed({"ONE": rows}, days=days), fill, cash=cash, fees=fees, fast=fast, slow=slow)
    loop = reference.crossover(rows, fast=fast, slow=slow, cash=cash, rate=Decimal(rate), fill=fill)
    book = paper.book
    assert [(fill.tick // STEPS, fill.side, int(fill.quantity)) for fill in book.fills] == loop.trades
    assert [mark.equity_minor for mark in book.marks] == loop.equity
    assert book.account.fees_minor == loop.fees
    found = document(paper, sessions=paper.feed.table.dates)
    assert found["closed_trades"] == loop.closed
    assert found["open_positions"] == (1 if loop.held else 0)
    assert found["final_equity"] == loop.equity[-1] / 100
    peaks = [max([*loop.equity[: n + 1], cash]) for n in range(len(loop.equity))]
    deepest = max(1 - equity / peak for equity, peak in zip(loop.equity, peaks, strict=True))
    assert found["max_drawdown"] == pytest.approx(deepest * 100, abs=1e-6)
    assert found["max_drawdown_money"] == max(p - e for e, p in zip(loop.equity, peaks, strict=True)) / 100
    return paper


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("seed", range(4))
def test_a_crossover_is_what_a_loop_of_its_own_makes_it(fill, seed):
    rows = reference.walk(900, seed)
    paper = assert_as_the_loop(rows, None, fill)
    assert len(paper.book.fills) > 10


@pytest.mark.parametrize("fill", FILLS)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    days=st.integers(8, 120),
    cash=st.integers(100, 3_000_000),
    rate=st.sampled_from(["0", "0.001", "0.0025", "0.000013", "0.05"]),
    windows=st.sampled_from([(2, 5), (3, 7), (5, 21)]),
    step=st.sampled_from(["0.01", "0.0001", "1"]),
)
def test_whatever_the_cash_the_rate_and_the_grid(fill, seed, days, cash, rate, windows, step):
    rows = reference.walk(days, seed, step=step)
    assert_as_the_loop(rows, None, fill, rate=rate, cash=cash, fast=windows[0], slow=windows[1])


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.skipif(not reference.LEAN.exists(), reason="no real bars beside the repository")
def test_real_bars(fill):
    days, rows = reference.lean_rows()
    chosen = [n for n, day in enumerate(days) if day <= date(2013, 3, 1)]
    paper = assert_as_the_loop([rows[n] for n in chosen], [days[n] for n in chosen], fill)
    assert len(chosen) > 2_000
    assert len(paper.book.fills) > 50


def test_the_warm_up_is_looked_back_on_and_not_traded():
    rows = reference.walk(200, 5)
    cold = crossover(reference.feed({"ONE": rows[100:]}, days=reference.weekdays(200)[100:]), "next_open")
    warm = crossover(reference.feed({"ONE": rows}, warmup=100), "next_open")
    assert len(warm.book.marks) == len(cold.book.marks) == 100
    assert warm.book.fills[0].tick < cold.book.fills[0].tick
    assert warm.book.fills[0].tick // STEPS < 30


@pytest.mark.parametrize("key", sorted(STRATEGIES))
@pytest.mark.parametrize("fill", FILLS)
def test_every_strategy_at_its_own_size(key, fill):
    bars = {f"S{seed}": reference.walk(320, seed) for seed in range(4)}
    feed = reference.feed(bars)
    paper, again = (
        run_bars(feed, setup(50_000_000), make(key, {}).decide, Turns(seed=3), BarRules(fill)) for _ in range(2)
    )
    assert paper.book.fills
    assert paper.book.fills == again.book.fills
    assert not paper.failures
    account = paper.book.account
    cost = sum(held.cost_minor for _, held in paper.book.held())
    assert account.cash_minor == account.initial_minor + account.realized_minor - account.fees_minor - cost
    assert account.cash_minor >= 0
    assert "not_enough_buying_power" not in paper.book.endings


class Once:
    """Sends its orders on the first close, and nothing after."""

    def __init__(self, *orders: OrderRequest) -> None:
        self.orders = list(orders)

    def __call__(self, view: StrategyView) -> list[OrderRequest]:
        return self.orders if view.day_index == 0 else []


def bars(*rows) -> dict:
    return {"ONE": [tuple(Decimal(str(price)) for price in row) for row in rows]}


def prices(paper: Paper) -> list[tuple[str, Decimal]]:
    return [(fill.side, fill.price) for fill in paper.book.fills]


def bracket(profit: str, loss: str) -> OrderRequest:
    return OrderRequest(
        "ONE", "buy", Decimal(10), time_in_force="gtc", order_class="bracket",
        take_profit_price=Decimal(profit), stop_loss_price=Decimal(loss),
    )  # fmt: skip


FLAT = (100, 100, 100, 100)


@pytest.mark.parametrize(
    ("row", "left"),
    [
        ((100, 112, 91, 100), ("sell", Decimal("95.00"))),  # both within the bar: the stop is hit first, at its price
        ((100, 112, 96, 100), ("sell", Decimal("110.00"))),  # only the target
        ((93, 112, 90, 100), ("sell", Decimal("93.000000"))),  # a gap below the stop fills at the gap
        ((115, 116, 90, 100), ("sell", Decimal("115.000000"))),  # a gap above the target is the better price
    ],
)
def test_within_one_bar_the_stop_is_hit_first(row, left):
    feed = reference.feed(bars(FLAT, FLAT, row, FLAT))
    paper = run_bars(feed, setup(), Once(bracket("110", "95")), Turns(), BarRules())
    assert prices(paper) == [("buy", Decimal(100)), left]
    assert not paper.book.orders


def test_a_short_meets_the_high_first():
    short = OrderRequest(
        "ONE", "sell", Decimal(10), time_in_force="gtc", order_class="bracket",
        take_profit_price=Decimal(90), stop_loss_price=Decimal(105),
    )  # fmt: skip
    terms = {"kind": "margin", "leverage": Decimal(2), "short": True}
    feed = reference.feed(bars(FLAT, FLAT, (100, 108, 85, 100)))
    paper = run_bars(feed, setup(**terms), Once(short), Turns(), BarRules())
    assert prices(paper) == [("sell", Decimal(100)), ("buy", Decimal(105))]


def test_a_limit_rests_until_a_bar_trades_through_it():
    limit = OrderRequest("ONE", "buy", Decimal(10), type="limit", limit_price=Decimal(95), time_in_force="gtc")
    touched = reference.feed(bars(FLAT, FLAT, (100, 101, 95, 99), (100, 101, "94.99", 99)))
    paper = run_bars(touched, setup(), Once(limit), Turns(), BarRules())
    # At exactly its price the order is last in the queue.
    assert [(fill.tick // STEPS, fill.price) for fill in paper.book.fills] == [(3, Decimal(95))]
    gap = reference.feed(bars(FLAT, FLAT, (94, 95, 94, 95)))
    better = run_bars(gap, setup(), Once(limit), Turns(), BarRules())
    assert prices(better) == [("buy", Decimal(94))]


def test_dividends_are_paid_and_splits_undone():
    days = reference.weekdays(6)
    rows = bars(FLAT, FLAT, (100, 100, 99, 99), (49, 50, 49, 49), FLAT, FLAT)
    halves = [*rows["ONE"][:3], *[tuple(Decimal(p) for p in (50, 50, 50, 50))] * 3]
    feed = reference.feed({"ONE": halves}, dividends=[(days[2], Decimal("1.00"))], splits=[(days[3], Decimal(2))])
    buy = OrderRequest("ONE", "buy", Decimal(100))
    paper = run_bars(feed, setup(2_000_000, "none"), Once(buy), Turns(), BarRules())
    assert paper.book.account.other_minor == 100 * 100
    assert [mark.equity_minor for mark in closes_of(paper.book.marks)][3:] == [2_010_000] * 3
    assert paper.book.holdings[1].quantity == 100


def test_a_delisted_holding_is_paid_out():
    days = reference.weekdays(5)
    rows = {"ONE": bars(*[FLAT] * 3)["ONE"], "TWO": bars(*[FLAT] * 5)["ONE"]}
    feed = reference.feed({"TWO": rows["TWO"]})
    assert feed.table.days_total == 5
    feed = reference.feed({"ONE": rows["TWO"], "TWO": rows["TWO"]}, delisting=(days[3], Decimal(80)))
    paper = run_bars(feed, setup(2_000_000, "none"), Once(OrderRequest("ONE", "buy", Decimal(10))), Turns(), BarRules())
    assert [mark.equity_minor for mark in paper.book.marks] == [2_000_000] * 3 + [1_980_000] * 2
    found = document(paper, sessions=feed.table.dates)
    assert (found["closed_trades"], found["open_positions"], found["realized"]) == (1, 0, -200.0)


def test_a_strategy_that_fails_loses_its_turn_and_says_so():
    def broken(view: StrategyView):
        raise RuntimeError("no idea")

    paper = run_bars(reference.feed(bars(FLAT, FLAT)), setup(), broken, Turns(), BarRules())
    assert len(paper.failures) == 2
    assert "RuntimeError: no idea" in paper.failures[0]
