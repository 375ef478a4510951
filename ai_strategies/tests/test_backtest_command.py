"""The command and the store of backtests."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ai_strategies import selectors
from ai_strategies.domain.backtest import result
from ai_strategies.domain.backtest.request import BacktestRequest
from ai_strategies.models import Backtest
from ai_strategies.services import backtests
from ai_strategies.services.backtests import backtest_keep, backtest_run, thinned
from ai_strategies.tests import backtest_reference as reference
from core.errors import DomainError, NotFound
from marketdata.models import DailyBar, Instrument
from marketdata.tests.factories import InstrumentFactory, actions_create, bars_create

pytestmark = pytest.mark.django_db

ROWS = reference.walk(400, 21)
START, END = "2010-01-01", "2012-01-01"


@pytest.fixture
def csv(tmp_path):
    """A file as people have it: Date,Open,High,Low,Close,Volume."""
    path = tmp_path / "ONE.csv"
    days = reference.weekdays(len(ROWS))
    lines = [f"{day},{o},{h},{low},{c},1000000" for day, (o, h, low, c) in zip(days, ROWS, strict=True)]
    path.write_text("\n".join(["Date,Open,High,Low,Close,Volume", *lines]) + "\n")
    return path


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("backtest", *arguments, stdout=out)
    return out.getvalue()


CROSSOVER = (
    "sma_crossover",
    "--symbol",
    "ONE",
    "--start",
    START,
    "--end",
    END,
    "--param",
    "fast=10",
    "--param",
    "slow=30",
)


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_from_a_file_to_one_json_object(csv, fill):
    call_command("import_bars", str(csv), symbol="ONE", stdout=StringIO())
    options = ("--cash", "10000", "--commission", "0.001", "--fill", fill, "--sizing", "all_in", "--json", "--curve")
    found = json.loads(run(*CROSSOVER, *options))
    loop = reference.crossover(ROWS, fast=10, slow=30, cash=1_000_000, rate=Decimal("0.001"), fill=fill)
    assert found["final_equity"] == loop.equity[-1] / 100
    assert found["fees"] == loop.fees / 100
    assert (found["closed_trades"], found["open_positions"]) == (loop.closed, int(loop.held > 0))
    assert [point[1] for point in found["curve"]] == [value / 100 for value in loop.equity]
    assert found["curve"][0][0] == found["first_date"] == "2010-01-01"
    assert (found["bars"], found["params"]["slow"], found["fee_schedule"]) == (400, 30, "pct:0.1")
    assert len(found["trades"]) == found["closed_trades"]
    assert sum(trade["net"] for trade in found["trades"]) == pytest.approx(
        found["expectancy"] * found["closed_trades"], abs=0.01 * found["closed_trades"]
    )
    assert {"max_drawdown", "return_pct", "win_rate", "profit_factor", "sharpe", "sortino", "calmar"} <= set(found)
    assert "percent" in found["units"]["max_drawdown"]
    assert any("next session's open" in words for words in found["assumptions"]) is (fill == "next_open")
    assert not Backtest.objects.exists()


def test_a_table_for_people(csv):
    call_command("import_bars", str(csv), symbol="ONE", stdout=StringIO())
    text = run(*CROSSOVER)
    assert "sma_crossover (fast=10, slow=30" in text
    assert "Largest drawdown" in text
    assert "No spread" in text


def test_the_ticks_of_a_market(csv):
    call_command("import_bars", str(csv), symbol="ONE", stdout=StringIO())
    bars = json.loads(run(*CROSSOVER, "--json"))
    arguments = (*CROSSOVER, "--fill", "market", "--warmup", "50", "--fees", "us", "--venue", "impact_k=0", "--json")
    market = json.loads(run(*arguments))
    assert market["bars"] == 400
    assert market["warmup"] == 50
    assert market["final_equity"] != bars["final_equity"]
    assert any("spread of 4 bps" in words for words in market["assumptions"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--symbol", "NONE"), "no bars of NONE"),
        (("--start", "2030-01-01", "--end", "2031-01-01"), "there are from 2010-01-01"),
        (("--start", "yesterday"), "--start must be a date"),
        (("--start", "2012-01-01", "--end", "2011-01-01"), "before the start"),
        (("--param", "quick=3"), "has no parameter quick. It has fast, slow"),
        (("--param", "fast"), "NAME=VALUE"),
        (("--param", "fast=ten"), "fast must be a number, not 'ten'"),
        (("--param", "fast=2.5"), "fast must be a whole number"),
        (("--param", "fast=3", "--param", "fast=4"), "fast is there twice"),
        (("--param", "fast=60", "--param", "slow=30"), "fewer days than the slow"),
        (("--param", "fast=1"), "fast must be 2 to 100"),
        (("--cash", "much"), "--cash must be a number"),
        (("--cash", "0"), "The cash is above 0"),
        (("--commission", "1"), "--commission is a fraction"),
        (("--commission", "0.1", "--fees", "us"), "exclude each other"),
        (("--fees", "free"), "fee_schedule_unknown"),
        (("--sizing", "all_in", "--symbol", "ONE", "--symbol", "TWO"), "goes with one symbol"),
        (("--sizing", "all_in", "--fill", "market"), "goes with bars"),
        (("--warmup", "-1"), "Warm-up is 0 to"),
        (("--fill", "market", "--prints", "3"), "4 to 79 prints"),
        (("--fill", "market", "--venue", "impact_k"), "NAME=VALUE"),
        (("--fill", "market", "--venue", "impact_k=-1"), "impact_k is out of bounds"),
        (("--fill", "market", "--spread-bps", "9999"), "spread is 0 to 1000"),
    ],
)
def test_what_is_wrong_is_said(arguments, words):
    bars_create(InstrumentFactory(symbol="ONE"), ROWS, dates=reference.weekdays(400))
    named = {item for item in arguments if item.startswith("--")}
    defaults = [pair for pair in (("--symbol", "ONE"), ("--start", START), ("--end", END)) if pair[0] not in named]
    with pytest.raises(CommandError, match=words):
        run("sma_crossover", *(item for pair in defaults for item in pair), *arguments)


def test_an_unknown_strategy_is_refused_by_name():
    with pytest.raises(CommandError, match="sma_crossover"):
        run("crystal_ball", "--symbol", "ONE", "--start", START, "--end", END)


def request(**fields) -> BacktestRequest:
    values = {"strategy": "sma_crossover", "symbols": ("ONE",), "start": date(2010, 1, 1), "end": date(2012, 1, 1)}
    return BacktestRequest(**{**values, **fields})


def test_the_same_run_is_answered_from_the_store(monkeypatch):
    instrument = InstrumentFactory(symbol="ONE")
    bars_create(instrument, ROWS, dates=reference.weekdays(400))
    first, made = backtest_keep(requested_by=None, request=request())
    again, made_again = backtest_keep(requested_by=None, request=request(params={"fast": 20}))
    assert (made, made_again, again.pk) == (True, False, first.pk), "20 is what fast is by itself"
    assert first.result["final_equity"] == backtest_run(request=request()).result["final_equity"]
    other, made = backtest_keep(requested_by=None, request=request(params={"fast": 10}))
    assert made
    assert other.key != first.key
    DailyBar.objects.filter(instrument=instrument, date=date(2010, 3, 1)).update(volume=1)
    changed, made = backtest_keep(requested_by=None, request=request())
    assert made, "other bars are another run"
    assert changed.bars_checksum != first.bars_checksum
    monkeypatch.setattr(backtests, "code_checksum", lambda: "0" * 64)
    assert backtest_keep(requested_by=None, request=request())[1], "other code is another run"
    assert Backtest.objects.count() == 4


def test_what_is_kept_is_bounded(monkeypatch):
    bars_create(InstrumentFactory(symbol="ONE"), ROWS, dates=reference.weekdays(400))
    monkeypatch.setattr(result, "MAX_TRADES", 5)
    asked = request(strategy="random", params={"chance_pct": 100}, cash=Decimal(10**7))
    kept, _ = backtest_keep(requested_by=None, request=asked)
    assert len(kept.result["trades"]) == 5
    assert kept.result["trades_left_out"] == kept.result["closed_trades"] - 5 > 0
    points = [[n, n] for n in range(2_345)]
    for most in (1, 7, 1_000, 2_345, 9_999):
        few = thinned(points, most)
        assert len(few) <= most
        assert few[-1] == [2_344, 2_344]
    assert thinned([]) == []


def test_a_kept_run_is_printed_and_listed():
    bars_create(InstrumentFactory(symbol="ONE"), ROWS, dates=reference.weekdays(400))
    once, kept, again = (json.loads(run(*CROSSOVER, *keep, "--json")) for keep in ((), ("--keep",), ("--keep",)))
    assert {**once, "elapsed_ms": 0} == {**kept, "elapsed_ms": 0}
    assert kept == again
    [row] = selectors.backtests_query()
    view = selectors.backtest_get(row.pk)
    assert (view.result["final_equity"], len(view.curve)) == (once["final_equity"], 400)
    assert view.symbols == ("ONE",)
    with pytest.raises(NotFound):
        selectors.backtest_get(row.pk + 1)
    assert not selectors.backtests_query(requested_by=1)


def test_prices_of_bars_are_exact_below_the_tick_and_dividends_are_paid():
    instrument = InstrumentFactory(symbol="FINE", tick_size=Decimal("0.05"))
    rows = [("10.0101", "10.0101", "10.0101", "10.0101")] * 6
    days = bars_create(instrument, rows)
    actions_create(instrument, [("dividend", 4, "0.5")])
    asked = request(
        strategy="buy_and_hold", params={"invested_pct": 50}, symbols=("FINE",), start=days[0], end=days[-1]
    )
    found = backtest_run(request=asked).result
    [position] = found["positions"]
    shares = int(position["quantity"])
    assert position["last"] == "10.0101"
    assert found["dividends"] == shares * 0.5
    assert found["final_equity"] == 100_000 + shares * 0.5


def test_history_that_does_not_cover_the_range_is_refused():
    bars_create(InstrumentFactory(symbol="ONE"), ROWS, dates=reference.weekdays(400))
    bars_create(InstrumentFactory(symbol="LATE"), ROWS[200:], dates=reference.weekdays(400)[200:])
    with pytest.raises(DomainError, match="LATE does not cover"):
        backtest_run(request=request(symbols=("ONE", "LATE")))
    assert Instrument.objects.count() == 2
