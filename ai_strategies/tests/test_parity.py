"""The same strategy on the same prices: through the live order path and through a backtest, equal to the cent."""

from decimal import Decimal

import pytest

from ai_strategies.domain.backtest.engine import run_market
from ai_strategies.domain.backtest.result import closes_of
from ai_strategies.domain.backtest.types import Setup
from ai_strategies.domain.strategies import STRATEGIES, make
from ai_strategies.domain.view import StrategyView
from ai_strategies.models import AgentSeat, Decision
from ai_strategies.services.agents import agent_create
from ai_strategies.services.demo_cast import AGENTS, ARENA_SYMBOLS
from ai_strategies.tests import paper
from ai_strategies.tests.factories import agent, arena, wavy_bars
from contests.domain.policy import contest_policy
from contests.selectors import ContestView
from contests.services.contests import contest_start
from contests.tests.factories import OPERATOR, contest
from core.tests.whole import IS_WHOLE
from marketdata.models import FxRate
from marketdata.selectors import market_view
from marketdata.services.demo import demo_history_generate
from marketdata.services.ticks import market_hold, market_step
from marketdata.tests.factories import InstrumentFactory, bars_create, replay_market
from trading.domain.margin import Terms
from trading.domain.types import OrderRequest
from trading.models import Account, Adjustment, MarginCall

pytestmark = pytest.mark.django_db

LIVELY = {
    "sma_crossover": {"fast": 3, "slow": 8},
    "momentum": {"lookback": 8, "top": 2},
    "mean_reversion": {"window": 8, "entry": 1.0},
    "breakout": {"entry_days": 8, "exit_days": 4},
    "volatility_target": {"window": 10},
    "random": {"chance_pct": 60},
    "buy_and_hold": {},
}


def assert_agents_match(view: ContestView, ticks: int, seed: int) -> set[str]:
    """Play a contest among agents, and each of them in a backtest; the strategies that traded."""
    with market_hold(market_id=view.market_id):
        contest_start(actor=OPERATOR, contest_id=view.id)
        feed = paper.feed_of(market_view(view.market_id), seed)
        market_step(market_id=view.market_id, ticks=ticks)
    traded = set()
    seats = AgentSeat.objects.filter(contest_id=view.id).select_related("agent", "account__group")
    for seat in seats:
        policy = seat.account.group.policy
        setup = Setup(seat.account.initial_minor, "USD", policy=policy, account_policy=contest_policy)
        turns = paper.every(view.agent_interval_minutes, seat.agent.seed, seed)
        played = run_market(feed, setup, make(seat.agent.strategy, seat.agent.params).decide, turns)
        paper.assert_same(seat.account_id, played)
        if played.book.fills:
            traded.add(seat.agent.strategy)
            assert played.book.account.fees_minor
    return traded


def test_every_built_in_strategy_as_a_live_agent_and_in_a_backtest():
    assert set(LIVELY) == set(STRATEGIES)
    agents = [agent(key, params=params, key=key.replace("_", "-"), seed=11) for key, params in LIVELY.items()]
    limits = {"commission_bps": "7", "max_position_pct": "40", "max_trades_per_day": 3}
    bars, fields = wavy_bars(days=32, symbols=5), {"constraints": limits, "agent_interval_minutes": 120}
    view = arena(*agents, started=False, bars=bars, market={"seed": 3}, **fields)
    assert assert_agents_match(view, 32 * 4, 3) == set(STRATEGIES)
    codes = set(Decision.objects.filter(contest_id=view.id).values_list("code", flat=True))
    assert codes & {"position_limit", "daily_trade_limit", "not_enough_buying_power"}, "the contest's limits must bite"


def test_the_demo_cast_over_the_loaded_history():
    """Half a quarter of the house arena: its symbols, spread, prints and agents, dividends among it."""
    demo_history_generate()
    for number, cast in enumerate(AGENTS, start=1):
        agent_create(actor=None, seed=number * 7919, **cast)
    market = {"start": "2021-01-04", "end": "2021-02-12", "symbols": list(ARENA_SYMBOLS), "warmup_days": 260}
    view = contest(
        started=False,
        market={**market, "seed": 1, "spread_bps": "4", "prints": 6},
        agents=tuple(cast["key"] for cast in AGENTS),
        agent_interval_minutes=120,
        constraints={"commission_bps": "5", "max_position_pct": "40"},
    )
    traded = assert_agents_match(view, 1_000, 1)
    assert traded == set(STRATEGIES), set(STRATEGIES) - traded
    assert Adjustment.objects.filter(kind="dividend").exists()


def market_of(days: int = 22, symbols: int = 3, seed: int = 7, **more):
    bars = wavy_bars(days=days, symbols=symbols, seed=seed)
    return replay_market(bars, warmup=5, **{"spread_bps": 8, **more})


def sessions_of(market):
    return paper.feed_of(market).table.dates[5:]


@pytest.mark.parametrize("seed", range(3 if IS_WHOLE else 1))
def test_orders_of_every_kind(seed):
    market = market_of(seed=100 + seed, prints=6)
    script = paper.everything(sessions_of(market))
    played = paper.both(market, script, paper.every(100, seed))
    assert len(played.book.fills) > 30
    codes = set(played.book.endings)
    assert {"filled", "day_over", "oco_filled"} <= codes, codes


@pytest.mark.parametrize("seed", range(3 if IS_WHOLE else 1))
def test_a_margin_account_with_shorts(seed):
    market = market_of(seed=200 + seed)
    terms = Terms(kind="margin", leverage=Decimal(2), short=True, fees="bps:3")
    script = paper.everything(sessions_of(market), most=400, sides=("buy", "sell"))
    played = paper.both(market, script, paper.every(100, seed), terms)
    signs = {fill.side for fill in played.book.fills}
    assert signs == {"buy", "sell"}
    assert "not_enough_buying_power" in played.book.endings


def test_the_fee_schedule_of_the_united_states():
    market = market_of(seed=300, instrument={"exchange": "NASDAQ"})
    played = paper.both(
        market, paper.everything(sessions_of(market)), paper.every(100), Terms(fees="us:share=0.005,min=1,max_pct=1")
    )
    kinds = {kind for fill in played.book.fills for kind in fill.charges}
    assert "commission" in kinds
    assert len(kinds) > 1, kinds


@pytest.mark.parametrize(
    "venue",
    [
        {"max_volume_share": "0.05", "impact_k": "5"},
        {"sizes": True},
        {"latency_ms": 60_000},
        {"trigger": "quote", "band_pct": "1.5"},
    ],
)
def test_venues(venue):
    market = market_of(seed=400, volume=900, venue=venue)
    played = paper.both(market, paper.everything(sessions_of(market)), paper.every(100, 5))
    assert len(played.book.fills) > 15
    if "max_volume_share" in venue:
        by_order = [fill.order_id for fill in played.book.fills]
        assert len(set(by_order)) < len(by_order), "some orders must fill in parts"


def test_strategies_on_a_margin_account_without_shorts():
    market = market_of(seed=500, days=40)
    terms = Terms(kind="margin", leverage=Decimal(4), fees="pct:0.1", maintenance_pct=Decimal(20))
    strategy = make("mean_reversion", LIVELY["mean_reversion"])
    assert paper.both(market, strategy.decide, paper.every(0), terms).book.fills


@pytest.mark.parametrize("terms", [Terms(fees="bps:3"), Terms(kind="margin", leverage=Decimal(2), short=True)])
def test_instruments_in_another_currency(terms):
    rows = list(wavy_bars(days=25, symbols=2, seed=900).values())
    for symbol, currency, bars in (("HOME", "USD", rows[0]), ("AWAY", "JPY", rows[1])):
        days = bars_create(InstrumentFactory(symbol=symbol, currency=currency), bars)
    FxRate.objects.bulk_create(
        FxRate(base="JPY", quote="USD", date=day, rate=Decimal("0.0067") + Decimal(n) / 100_000, source="test")
        for n, day in enumerate(days)
    )
    market = replay_market({"HOME": rows[0], "AWAY": rows[1]}, warmup=5)
    sides = ("buy", "buy", "sell") if not terms.is_margin else ("buy", "sell")
    played = paper.both(market, paper.everything(sessions_of(market), sides=sides), paper.every(100, 1), terms)
    assert {fill.symbol for fill in played.book.fills} == {"HOME", "AWAY"}


def test_a_difference_would_be_seen():
    market = market_of(seed=600)
    account_id, who = paper.account(market, Terms())
    turns = paper.every(100)
    script = paper.everything(sessions_of(market))
    cheaper = paper.play_paper(market, Terms(fees="bps:1"), script, turns)
    paper.play_live(market, account_id, who, script, turns)
    assert Account.objects.get(pk=account_id).fills_count
    with pytest.raises(AssertionError):
        paper.assert_same(account_id, cheaper)


def leveraged(view: StrategyView) -> list[OrderRequest]:
    """Goes long one symbol and short the other with all that the margin allows, and never looks back."""
    if view.positions:
        return []
    long, short = view.tradable()[:2]
    half = view.cash / 2 * Decimal("0.96")
    return [
        OrderRequest(long, "buy", half // view.quotes[long].ask),
        OrderRequest(short, "sell", half // view.quotes[short].bid),
        OrderRequest(long, "buy", Decimal(1), type="limit", limit_price=paper.price(view.quotes[long].last, -40)),
    ]


@pytest.mark.parametrize("volume", [1_000_000, 3_000])
def test_margin_calls_and_forced_reduction(volume):
    falling = [(f"{100 - 2 * day}", f"{101 - 2 * day}", f"{98 - 2 * day}", f"{98 - 2 * day}") for day in range(20)]
    rising = [(f"{50 + day}", f"{52 + day}", f"{50 + day}", f"{51 + day}") for day in range(20)]
    market = replay_market({"FALL": falling, "RISE": rising}, spread_bps=10, volume=volume)
    terms = Terms(kind="margin", leverage=Decimal(4), short=True, fees="bps:5", close_out_pct=Decimal(60))
    played = paper.both(market, leveraged, paper.every(0), terms)
    assert {"margin_call_made", "margin_call"} <= set(played.book.endings)
    assert MarginCall.objects.exists()
    assert {fill.side for fill in played.book.fills} == {"buy", "sell"}


def test_a_reduction_goes_on_below_initial_margin_when_maintenance_is_met_again():
    opens = ("100", "100", *("82",) * 4)
    bars = [(price,) * 4 for price in opens]
    market = replay_market({"FALL": bars, "RISE": [("50",) * 4] * len(opens)}, spread_bps=10, volume=3_000)
    terms = Terms(kind="margin", leverage=Decimal(4), maintenance_pct=Decimal(15), close_out_pct=Decimal(90))

    def once(view: StrategyView) -> list[OrderRequest]:
        return [OrderRequest("FALL", "buy", Decimal(3_500))] if not view.positions else []

    played = paper.both(market, once, paper.every(0), terms)
    reductions = [fill for fill in played.book.fills if fill.side == "sell"]
    assert MarginCall.objects.filter(reduced_orders__gt=1).exists()
    assert len(reductions) > 1


def test_an_intraday_account_is_flat_at_every_close():
    market = market_of(seed=700, prints=8)
    terms = Terms(kind="margin", leverage=Decimal(4), short=True, product="intraday", maintenance_pct=Decimal(20))
    played = paper.both(market, paper.everything(sessions_of(market), most=200), paper.every(100), terms)
    assert "intraday_close" in played.book.endings
    assert all(mark.gross_minor == 0 for mark in closes_of(played.book.marks))


ACTIONS = {
    "WAVE": [("dividend", 12, "0.37"), ("split", 15, "2"), ("dividend", 20, "0.11"), ("split", 24, "0.3")],
    "GONE": [("symbol_change", 11, 0, "NEWN"), ("dividend", 16, "1.25"), ("delisting", 22, "33.33")],
}


@pytest.mark.parametrize("basis", ["adjusted", "traded"])
@pytest.mark.parametrize("terms", [Terms(), Terms(kind="margin", leverage=Decimal(2), short=True, fees="us")])
def test_splits_dividends_renaming_and_delisting(basis, terms):
    rows = list(wavy_bars(days=30, symbols=3, seed=800).values())
    bars = {"WAVE": rows[0], "GONE": rows[1], "STAY": rows[2]}
    market = replay_market(
        bars, warmup=5, spread_bps=8, basis=basis, actions=ACTIONS, instrument={"exchange": "NASDAQ"}
    )
    sides = ("buy", "buy", "sell") if not terms.is_margin else ("buy", "sell")
    played = paper.both(market, paper.everything(sessions_of(market), sides=sides), paper.every(100, 2), terms)
    kinds = {row["kind"] for _, _, row in played.book.adjustments}
    assert kinds == {"dividend", "delisting"} | ({"split"} if basis == "traded" else set())
    assert "delisted" in played.book.endings or terms.is_margin
    assert any(fill.symbol == "NEWN" for fill in played.book.fills)
