"""Live and simulated markets: ticks of what the feed has, in the sessions of an exchange."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.errors import Invalid
from marketdata import selectors
from marketdata.adapters import board
from marketdata.models import CorporateAction, LiveBoard, LiveTick, Market
from marketdata.services import live_ticks, markets, ticks
from marketdata.tests.factories import InstrumentFactory, bars_create
from marketdata.tests.live import exchanges, live_market, step, tell

pytestmark = pytest.mark.django_db(transaction=True)

# Tuesday 8 September 2026, a regular day: 09:30 to 16:00 in New York is 13:30 to 20:00 UTC.
DAY = date(2026, 9, 8)


def at(hour, minute=0, second=0, day=DAY):
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


@pytest.fixture
def stock():
    exchanges()
    made = InstrumentFactory(symbol="LIVE", exchange="US")
    bars_create(made, [(90, 91, 89, 90), (98, 101, 97, 100)], dates=[date(2026, 9, 3), date(2026, 9, 4)], volume=5_000)
    return made


@pytest.fixture
def market(stock):
    return live_market(stock, exchange="US")


def test_a_session_opens_with_its_first_quote_moves_with_news_and_closes_once(market, stock):
    tell(stock, 100, at(13, 29, 59))
    assert step(market, at(13, 29, 59)) is None  # not open yet
    assert step(market, at(13, 30, 1)) is None  # open, with yesterday's news
    tell(stock, 101, at(13, 30, 2))
    opened = step(market, at(13, 30, 3))
    assert (opened.index, opened.is_new_day, opened.phase, opened.day_index) == (0, True, 0, 0)
    assert opened.quotes["LIVE"].is_open_print
    assert opened.quotes["LIVE"].previous_close == 100
    assert opened.quotes["LIVE"].volume == 5_000  # of the session before: what a cap on shares of volume goes by
    assert step(market, at(13, 30, 4)) is None  # nothing new
    tell(stock, 102, at(13, 30, 5))
    moved = step(market, at(13, 30, 6))
    assert (moved.index, moved.is_new_day, moved.quotes["LIVE"].last) == (1, False, Decimal(102))
    assert step(market, at(13, 30, 36)).index == 2  # the clock moves without news
    tell(stock, 103, at(19, 59, 59))
    assert step(market, at(20, 0, 2)) is None  # the last trades are still on their way
    closed = step(market, at(20, 0, 6))
    assert closed.is_session_close
    assert closed.at == at(20)
    assert closed.quotes["LIVE"].last == 103
    assert closed.quotes["LIVE"].is_close_print
    tell(stock, 104, at(21))
    assert step(market, at(21)) is None  # after hours
    assert selectors.market_clock(market.id).is_session_close


def test_the_next_day_is_another_session(market, stock):
    tell(stock, 101, at(13, 31))
    step(market, at(13, 31))
    tell(stock, 102, at(13, 30, day=date(2026, 9, 9)), session=date(2026, 9, 9))
    closed = step(market, at(13, 31, day=date(2026, 9, 9)))
    assert closed.is_session_close
    assert closed.quotes["LIVE"].last == 101  # the day before ends at its own prices
    opened = step(market, at(13, 31, 1, day=date(2026, 9, 9)))
    assert (opened.is_new_day, opened.day_index, opened.index) == (True, 1, 2)
    line = selectors.timeline(market.id)
    assert [line.day_of(index) for index in range(3)] == [0, 0, 1]
    assert line.first_tick(1) == 2
    assert line.lasts(1) == {opened.quotes["LIVE"].listing_id: Decimal(101)}
    assert line.last_before(opened.at, 5) == 1


def test_a_restart_shows_the_tick_that_was_stored(market, stock):
    tell(stock, 101, at(13, 31))
    taken = step(market, at(13, 31))
    tell(stock, 150, at(13, 31, 1))  # The feed has moved on; the market has not.
    ticks.forget_process_state()
    selectors.cache_clear()
    again = ticks.tick_resume(market_id=market.id)
    assert again.quotes == taken.quotes
    assert again.index == taken.index


def test_a_lost_board_is_rebuilt_from_the_tick_in_force(market, stock):
    tell(stock, 101, at(13, 31))
    step(market, at(13, 31))
    board.board_drop(market.id)
    quote, clock = selectors.quote_and_clock(market.id, "LIVE")
    assert (quote.last, quote.tick, clock.tick) == (Decimal(101), 0, 0)


def test_without_bid_and_ask_a_labelled_spread_is_put_around_the_last_price(market, stock):
    tell(stock, 100, at(13, 31), bid=0, ask=0)
    tick = step(market, at(13, 31))
    assert (tick.quotes["LIVE"].bid, tick.quotes["LIVE"].ask) == (Decimal("99.98"), Decimal("100.02"))


def test_a_split_takes_effect_at_the_first_tick_of_its_session(market, stock):
    tell(stock, 100, at(13, 31))
    step(market, at(13, 31))
    step(market, at(20, 0, 6))
    CorporateAction.objects.create(instrument=stock, kind="split", ex_date=date(2026, 9, 9), value=2)
    tell(stock, 50, at(13, 30, day=date(2026, 9, 9)), session=date(2026, 9, 9))
    opened = step(market, at(13, 30, 1, day=date(2026, 9, 9)))
    assert [(item.kind, item.value) for item in opened.actions] == [("split", Decimal(2))]
    line = selectors.timeline(market.id)
    assert line.before_split(1, opened.actions[0]) == 50
    assert opened.quotes["LIVE"].previous_close == 50  # yesterday's close in today's shares


def test_only_the_first_tick_of_a_minute_keeps_its_prices(market, stock):
    for second in (0, 1, 2, 61):
        tell(stock, 100 + second, at(13, 31) + timedelta(seconds=second))
        step(market, at(13, 31) + timedelta(seconds=second))
    kept = list(LiveTick.objects.filter(prices__isnull=False).values_list("index", flat=True))
    assert kept == [0, 3]
    assert LiveBoard.objects.get(pk=market.id).is_kept
    assert live_ticks.live_ticks_prune(before=at(14)) == 2
    assert selectors.timeline(market.id).lasts(2) == selectors.timeline(market.id).lasts(0)


def test_history_and_closes_end_with_the_price_in_force(market, stock):
    tell(stock, 103, at(13, 31))
    step(market, at(13, 31))
    bars = selectors.bars(market.id, "LIVE")
    assert [(bar.date, bar.close, bar.is_complete) for bar in bars][-2:] == [
        (date(2026, 9, 4), Decimal(100), True),
        (DAY, Decimal(103), False),
    ]
    symbols, closes = selectors.closes_matrix(market.id, 3)
    assert (symbols, closes[:, 0].tolist()) == (("LIVE",), [90.0, 100.0, 103.0])


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ({"kind": "live", "exchange": "US", "symbols": ["NOPE"]}, "unknown_symbol"),
        ({"kind": "live", "exchange": "SIMX", "symbols": ["LIVE"]}, "mixed_sources"),
        ({"kind": "live", "exchange": "US", "symbols": []}, "invalid_definition"),
        ({"kind": "live", "exchange": "US", "symbols": ["LIVE"], "seconds_per_tick": 0}, "invalid_definition"),
        ({"kind": "dream", "exchange": "US", "symbols": ["LIVE"]}, "invalid_definition"),
        ({"kind": "live", "exchange": "US", "symbols": ["LIVE"], "price": 1}, "invalid_definition"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(stock, definition, code):
    with pytest.raises(Invalid) as refused:
        markets.market_create_in_tx(actor=None, slug="odd", name="Odd", definition=definition)
    assert refused.value.code == code
    assert not Market.objects.filter(slug="odd").exists()
