"""Performance: figures worked by hand, and what holds for any fills and any series of equity."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.performance import (
    Adjustment,
    EquityPoint,
    TradeFill,
    calmar,
    drawdown,
    performance,
    session_returns,
    sharpe,
    sortino,
    time_weighted_return,
    trade_stats,
    trades_and_open,
    trades_of,
    volatility,
)
from trading.domain.positions import Holding, apply_fill

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def day(number):
    return START + timedelta(days=number)


def points(*equities, flows=None):
    return [EquityPoint(day(n), equity, (flows or {}).get(n, 0)) for n, equity in enumerate(equities)]


def fill(number, side, quantity, price, fee=0, listing=1):
    quantity, price = Decimal(quantity), Decimal(price)
    return TradeFill(day(number), listing, f"S{listing}", side, quantity, price, int(quantity * price * 100), fee)


def test_a_round_trip_of_several_fills():
    [trip] = trades_of(
        [
            fill(0, "buy", 10, 100, 50),
            fill(1, "buy", 30, 104, 50),
            fill(2, "sell", 15, 110, 20),
            fill(5, "sell", 25, 102, 30),
        ]
    )
    # Cost 4,120 for 40; 15 x 110 + 25 x 102 = 4,200: 80 before fees of 1.50.
    assert (trip.direction, trip.quantity, trip.realized_minor, trip.fees_minor, trip.net_minor) == (
        "long",
        40,
        8_000,
        150,
        7_850,
    )
    assert (trip.entry_price, trip.exit_price, trip.fills) == (103, 105, 4)
    assert trip.held == timedelta(days=5)


def test_a_short_and_a_flip():
    closed, still_open = trades_and_open(
        [fill(0, "sell", 4, 50), fill(1, "buy", 10, 45, 100), fill(2, "sell", 6, 44, 9), fill(3, "buy", 1, 44)]
    )
    short, long = closed
    # The flip buys 4 back (+20) and opens a long of 6; its fee of 1.00 is shared 40 to 60.
    assert (short.direction, short.realized_minor, short.fees_minor, short.closed_at) == ("short", 2_000, 40, day(1))
    assert (long.direction, long.realized_minor, long.fees_minor, long.opened_at) == ("long", -600, 69, day(1))
    [open_trip] = still_open
    assert (open_trip.direction, open_trip.closed_at, open_trip.exit_price, open_trip.held) == (
        "long",
        None,
        None,
        None,
    )


def test_a_split_belongs_to_its_round_trip():
    # 10 at 100, then 3 for 2 with a third of a share paid out, then all 15 sold at 70.
    split = Adjustment(day(1), 1, "S1", Decimal(5))
    [trip] = trades_of([fill(0, "buy", 10, 100), split, fill(2, "sell", 15, 70)])
    assert (trip.realized_minor, trip.quantity) == (5_000, 15)
    gone = Adjustment(day(1), 1, "S1", Decimal(-10), -100_000, -40_000)
    [delisted] = trades_of([fill(0, "buy", 10, 100), gone])
    assert (delisted.realized_minor, delisted.closed_at) == (-40_000, day(1))
    with pytest.raises(ValueError, match="that is held"):
        trades_of([split])
    with pytest.raises(ValueError, match="neither turns"):
        trades_of([fill(0, "buy", 10, 100), Adjustment(day(1), 1, "S1", Decimal(-11))])


def trips(*nets):
    events = []
    for number, net in enumerate(nets):
        entry = 100 if net >= 0 else 100 - net
        events += [fill(2 * number, "buy", 1, entry), fill(2 * number + 1, "sell", 1, entry + net)]
    return trades_of(events)


def test_trade_figures_by_hand():
    stats = trade_stats(trips(10, 20, 0, 30, -5, -10, -1, 4, -15))
    assert (stats.closed_trades, stats.wins, stats.losses, stats.longs, stats.shorts) == (9, 4, 4, 9, 0)
    assert (stats.gross_profit_minor, stats.gross_loss_minor, stats.net_minor) == (6_400, 3_100, 3_300)
    assert stats.win_rate == 4 / 9
    assert stats.profit_factor == 64 / 31
    assert stats.expectancy_minor == 367  # 3,300 / 9 = 366.67
    assert (stats.average_win_minor, stats.average_loss_minor) == (1_600, 775)
    assert stats.payoff == pytest.approx(16 / 7.75)
    assert (stats.best.net_minor, stats.worst.net_minor) == (3_000, -1_500)
    assert (stats.longest_wins, stats.longest_losses) == (2, 3)
    assert stats.average_held == timedelta(days=1)


def test_figures_that_nothing_defines_are_none():
    empty = performance([])
    assert (empty.twr, empty.total_return, empty.drawdown, empty.sharpe, empty.turnover) == (None,) * 5
    assert (empty.trades.win_rate, empty.trades.expectancy_minor, empty.trades.best) == (None, None, None)
    one = performance(points(100))
    assert (one.twr, one.volatility, one.drawdown, one.exposure, one.profit_minor) == (None, None, None, None, 0)
    flat = performance(points(*[100] * 10))
    assert (flat.twr, flat.volatility, flat.sharpe, flat.sortino, flat.calmar) == (0.0, 0.0, None, None, None)
    only_wins = trade_stats(trips(1, 2))
    assert (only_wins.profit_factor, only_wins.payoff, only_wins.average_loss_minor) == (None, None, None)
    few = performance(points(100, 110, 99, 105, 108))
    assert (few.sessions, few.volatility, few.sharpe, few.annual_return) == (4, None, None, None)


def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss():
    # 100 -> 110 (+10 %), then 100 is paid in, 210 -> 189 (-10 %), then 89 is paid out: 100.
    series = points(100, 110, 210, 189, 100, flows={2: 100, 4: -89})
    assert time_weighted_return(series) == pytest.approx(-0.01)
    report = performance(series)
    assert (report.flows_minor, report.profit_minor, report.total_return) == (11, -11, -0.11)
    assert report.drawdown.depth == pytest.approx(0.1)
    assert report.drawdown.depth_minor == 21
    assert report.current_drawdown == pytest.approx(0.1)


def test_maximum_drawdown_by_hand():
    fall = drawdown(points(100, 120, 90, 100, 120, 130, 117, 140))
    assert (fall.depth, fall.depth_minor) == (0.25, 30)
    assert (fall.peak_at, fall.trough_at, fall.recovered_at) == (day(1), day(2), day(4))
    assert fall.lasted == timedelta(days=3)
    still = drawdown(points(100, 120, 120, 90, 100))
    assert (still.peak_at, still.recovered_at, still.lasted) == (day(2), None, timedelta(days=2))
    assert drawdown(points(1, 2, 3)).depth == 0.0
    ruined = performance(points(100, 50, -10, -20))
    assert ruined.drawdown.depth == pytest.approx(1.1)
    assert ruined.twr is None
    assert ruined.total_return == -1.2


RETURNS = [0.01, -0.02, 0.03, 0.0, -0.01, 0.02]


def test_ratios_by_hand():
    mean = 0.03 / 6
    spread = math.sqrt(sum((r - mean) ** 2 for r in RETURNS) / 5)
    assert volatility(RETURNS) == pytest.approx(spread * math.sqrt(252))
    assert sharpe(RETURNS) == pytest.approx(mean / spread * math.sqrt(252))
    assert sharpe(RETURNS, 0.0252) == pytest.approx((mean - 0.0001) / spread * math.sqrt(252))
    downside = math.sqrt((0.02**2 + 0.01**2) / 6)
    assert sortino(RETURNS) == pytest.approx(mean / downside * math.sqrt(252))
    below = math.sqrt((0.0201**2 + 0.0101**2 + 0.0001**2) / 6)
    assert sortino(RETURNS, 0.0252) == pytest.approx((mean - 0.0001) / below * math.sqrt(252))
    grown = math.prod(1 + r for r in RETURNS) ** (252 / 6) - 1
    assert calmar(RETURNS, 0.05) == pytest.approx(grown / 0.05)
    assert calmar(RETURNS, 0.0) is None
    assert sharpe([0.5] * 300) is None
    assert calmar([9.0] * 5, 0.1) is None


def test_sessions_are_days_of_the_exchange():
    new_york = ZoneInfo("America/New_York")
    # 20:30 in New York on 2 March is 01:30 UTC on 3 March.
    times = [
        datetime(2026, 3, 2, 14, 30, tzinfo=UTC),
        datetime(2026, 3, 3, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 7, tzinfo=UTC),
    ]
    series = [EquityPoint(at, equity) for at, equity in zip(times, (100, 110, 121), strict=True)]
    assert list(session_returns(series, new_york)) == [date(2026, 3, 2), date(2026, 3, 6)]
    weekend = [*series, EquityPoint(datetime(2026, 3, 8, 12, tzinfo=UTC), 133)]
    calendar = [date(2026, 3, 2), date(2026, 3, 6), date(2026, 3, 9)]
    assert list(session_returns(weekend, new_york, calendar)) == calendar


def test_exposure_turnover_and_fees():
    series = [
        EquityPoint(day(0), 1_000_00, 0, 0),
        EquityPoint(day(1), 1_000_00, 0, 500_00),
        EquityPoint(day(3), 1_100_00, 0, 0),
        EquityPoint(day(4), 1_100_00, 0, 0),
    ]
    report = performance(series, [fill(1, "buy", 5, 100, 7), fill(3, "sell", 5, 120, 8)])
    assert report.time_invested == 0.5
    assert report.exposure == 0.25
    assert (report.fees_minor, report.traded_minor, report.realized_minor) == (15, 1_100_00, 100_00)
    assert report.turnover == pytest.approx(550 / 1050)
    assert (report.trades.closed_trades, report.open_trades, report.fills) == (1, 0, 2)
    assert performance(points(1, 2)).exposure is None


FILLS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 50),
        st.integers(1, 99_999),
        st.integers(0, 500),
    ),
    max_size=40,
)


@given(raw=FILLS)
def test_round_trips_add_up_to_the_books(raw):
    events = [
        fill(number, side, quantity, Decimal(cents) / 100, fee, listing)
        for number, (listing, side, quantity, cents, fee) in enumerate(raw)
    ]
    holdings, realized = {}, 0
    for event in events:
        before = holdings.get(event.listing_id, Holding())
        holdings[event.listing_id], gain = apply_fill(before, event.side, event.quantity, event.notional_minor)
        realized += gain
    closed, still_open = trades_and_open(events)
    trips = [*closed, *still_open]
    assert sum(trip.realized_minor for trip in trips) == realized
    assert sum(trip.fees_minor for trip in trips) == sum(event.fee_minor for event in events)
    assert {trip.listing_id for trip in still_open} == {key for key, held in holdings.items() if held.quantity}
    for trip in still_open:
        assert (trip.direction == "long") == (holdings[trip.listing_id].quantity > 0)
    stats = trade_stats(closed)
    assert stats.net_minor == stats.gross_profit_minor - stats.gross_loss_minor
    assert stats.wins + stats.losses <= stats.closed_trades == stats.longs + stats.shorts
    report = performance([], events)
    assert report.realized_minor == realized


# Growth in whole percent keeps every amount exact in minor units.
MOVES = st.lists(st.tuples(st.integers(-50, 80), st.integers(-30, 300)), min_size=1, max_size=12)


@given(moves=MOVES)
def test_flows_change_neither_return_nor_drawdown(moves):
    scale = 10_000 ** len(moves)
    plain, with_flows = [EquityPoint(day(0), scale)], [EquityPoint(day(0), scale)]
    own = total = scale
    for number, (percent, deposit) in enumerate(moves, 1):
        own = own * (100 + percent) // 100
        total = total * (100 + percent) // 100
        flow = total * deposit // 100
        total += flow
        plain.append(EquityPoint(day(number), own))
        with_flows.append(EquityPoint(day(number), total, flow))
    assert time_weighted_return(with_flows) == pytest.approx(time_weighted_return(plain), rel=1e-9, abs=1e-9)
    assert drawdown(with_flows).depth == pytest.approx(drawdown(plain).depth, rel=1e-9, abs=1e-9)
    profit = performance(with_flows).profit_minor
    assert profit == total - scale - sum(point.flow_minor for point in with_flows)


@given(equities=st.lists(st.integers(1, 10**12), min_size=2, max_size=60))
def test_drawdown_is_the_deepest_pair(equities):
    fall = drawdown(points(*equities))
    brute = max(1 - low / high for n, high in enumerate(equities) for low in equities[n:])
    assert fall.depth == pytest.approx(brute, abs=1e-9)
    assert fall.depth_minor == max(high - low for n, high in enumerate(equities) for low in equities[n:])
    assert fall.peak_at <= fall.trough_at <= points(*equities)[-1].at
    assert 0 <= performance(points(*equities)).current_drawdown <= fall.depth + 1e-9


@given(equities=st.lists(st.integers(10**6, 10**9), min_size=2, max_size=30))
def test_sessions_multiply_to_the_whole(equities):
    series = [EquityPoint(START + timedelta(hours=7 * n), equity) for n, equity in enumerate(equities)]
    product = math.prod(1 + value for value in session_returns(series).values())
    assert product - 1 == pytest.approx(time_weighted_return(series), rel=1e-9, abs=1e-9)
