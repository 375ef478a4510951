"""Orders on live and simulated markets: the same path, the feed's prices, the exchange's sessions."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from marketdata import selectors as market_selectors
from marketdata.models import CorporateAction, ExchangeHalt
from marketdata.selectors.sessions import sessions_forget
from marketdata.services.live_ticks import live_forget
from marketdata.services.markets import market_pause
from marketdata.tests.factories import InstrumentFactory, bars_create
from marketdata.tests.live import exchanges, live_market, simulated, step, tell
from marketdata.tests.sessions import calendars_loaded
from trading import selectors
from trading.domain.types import OrderRequest
from trading.models import EquityPoint, Fill
from trading.services.context import tick_size_at
from trading.services.orders import order_place
from trading.tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stock():
    return simulated("SIMA")[0]


@pytest.fixture
def market(stock):
    made = live_market(stock)
    tell(stock, 100)
    assert step(made).index == 0
    return made


def test_a_market_order_fills_at_the_feeds_ask_and_says_whose_price_it_was(market):
    account_id, who = make.account(market)
    bought = make.place(who, account_id, "buy", 5, symbol="SIMA")
    assert (bought.status, bought.average_price) == ("filled", "100.01")
    fill = Fill.objects.get(order_id=bought.id)
    assert (fill.quote["source"], fill.quote["tick"]) == ("test", 0)


def test_a_resting_order_fills_at_the_tick_that_trades_through_it(market, stock):
    account_id, who = make.account(market)
    rests = make.place(who, account_id, "buy", 5, symbol="SIMA", limit="99")
    assert rests.status == "accepted"
    tell(stock, "98.50")
    step(market)
    assert selectors.order_get(rests.id, who).status == "filled"


def test_marks_follow_the_feed_and_curves_take_a_point_a_minute(market, stock):
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 10, symbol="SIMA")
    tell(stock, 110)
    first = step(market)
    tell(stock, 120)
    step(market)
    view = selectors.account_get(account_id, who)
    assert view.equity_minor == 1_000_000 + 10 * (12_000 - 10_001)
    points = EquityPoint.objects.filter(account_id=account_id).count()
    assert points <= 2 + (first.is_kept)  # the opening of the account, and one a minute


def test_an_order_while_the_exchange_is_closed_is_denied_with_why_and_until_when():
    exchanges()
    stock = InstrumentFactory(symbol="LIVE", exchange="US")
    market = live_market(stock, exchange="US")
    account_id, who = make.account(market)
    day = _session_day()
    tell(stock, 100, day)
    assert step(market, day) is not None
    closed = market_selectors.market_status("US", datetime.now(tz=UTC))
    ExchangeHalt.objects.create(
        exchange_id="US",
        kind="market_wide",
        starts_at=datetime.now(tz=UTC) - timedelta(minutes=1),
        reason="A test halts the market",
        source="test",
    )
    sessions_forget()
    denied = make.place(who, account_id, "buy", 1, symbol="LIVE")
    assert (denied.status, denied.code) == ("denied", "exchange_closed")
    assert denied.details["exchange"] == closed.name
    assert "closed" in denied.message


def _session_day():
    """A moment of the year's calendar that is inside a session."""
    return datetime(2026, 9, 8, 15, tzinfo=UTC)


def test_a_paused_market_takes_no_order(market):
    account_id, who = make.account(market)
    market_pause(actor=None, market_id=market.id)
    denied = make.place(who, account_id, "buy", 1, symbol="SIMA")
    assert (denied.status, denied.code) == ("denied", "market_closed")


def test_an_old_price_is_no_price(market, stock):
    account_id, who = make.account(market)
    tell(stock, 101, datetime.now(tz=UTC) - timedelta(hours=1))
    step(market)
    denied = make.place(who, account_id, "buy", 1, symbol="SIMA")
    assert (denied.status, denied.code) == ("denied", "stale_quote")


def test_a_halt_of_the_feed_lets_a_limit_order_wait(market, stock):
    account_id, who = make.account(market)
    tell(stock, 100, halted=True)
    step(market)
    assert make.place(who, account_id, "buy", 1, symbol="SIMA").code == "halted"
    waits = make.place(who, account_id, "buy", 1, symbol="SIMA", limit="101")
    assert waits.status == "accepted"
    tell(stock, 100)
    step(market)
    assert selectors.order_get(waits.id, who).status == "filled"


def test_a_split_between_two_sessions_reaches_holders(market, stock):
    account_id, who = make.account(market)
    request = OrderRequest(symbol="SIMA", side="buy", quantity=Decimal(7))
    order_place(actor=who, account_id=account_id, request=request)
    tomorrow = datetime.now(tz=UTC).replace(hour=0, minute=0, second=1, microsecond=0) + timedelta(days=1)
    CorporateAction.objects.create(instrument=stock, kind="split", ex_date=tomorrow.date(), value=2)
    assert step(market, tomorrow).is_session_close
    tell(stock, 50, tomorrow, session=tomorrow.date())
    opened = step(market, tomorrow + timedelta(seconds=1))
    assert opened.actions
    held = selectors.positions(account_id)
    assert [(item.symbol, item.quantity) for item in held] == [("SIMA", 14)]


def test_the_exchanges_price_grid_and_band_hold_for_orders():
    exchanges()
    calendars_loaded("NSE")
    stock = InstrumentFactory(symbol="TCS", exchange="NSE", tick_size=Decimal("0.05"))
    bars_create(stock, [(3000, 3010, 2990, 3000)], dates=[date(2026, 9, 7)])
    live_forget()
    market = live_market(stock, exchange="NSE")
    at = datetime(2026, 9, 8, 5, tzinfo=UTC)
    tell(stock, 3000, at)
    tick = step(market, at)
    quote = tick.quotes["TCS"]
    assert (quote.band_low, quote.band_high) == (Decimal(2400), Decimal(3600))  # 20 % of the close before
    listing = market_selectors.listing_get(market.id, "TCS")
    assert tick_size_at(listing, Decimal(3000), at.date()) == Decimal("0.10")
    assert tick_size_at(listing, Decimal(200), at.date()) == Decimal("0.01")
