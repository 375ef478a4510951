"""What an installation needs before it runs: without a key, and with one vendor's key."""

from datetime import UTC, date, datetime, timedelta

import pytest

from marketdata.adapters.vendors import registry
from marketdata.models import CalendarRange, DailyBar, Exchange, Instrument, IntradayBar
from marketdata.services import setup
from marketdata.services.exchanges import exchanges_seed
from marketdata.services.simulated import simulated_history_ensure, simulated_instruments_ensure
from marketdata.tests.sessions import calendars_loaded
from marketdata.tests.vendors.polygon_server import PolygonServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _few(settings):
    settings.SIMULATED_SYMBOLS = 3
    settings.STOCK_POOL = ["AAPL", "MSFT"]
    registry.forget()
    yield
    registry.forget()


def ticker(symbol):
    return {
        "ticker": symbol,
        "name": f"{symbol} Inc.",
        "market": "stocks",
        "locale": "us",
        "primary_exchange": "XNAS",
        "type": "CS",
        "active": True,
        "currency_name": "usd",
    }


def day_bars(days):
    """Polygon's daily bars begin at midnight in New York."""
    rows = []
    for number, day in enumerate(days):
        at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
        price = 100 + number
        rows.append(
            {"t": int(at.timestamp() * 1000), "o": price, "h": price + 2, "l": price - 1, "c": price + 1, "v": 1000}
        )
    return rows


@pytest.fixture
def polygon(settings):
    with PolygonServer() as server:
        settings.POLYGON_API_KEY = server.key
        settings.POLYGON_REST_URL = server.url
        settings.POLYGON_STREAM_URL = server.stream_url
        settings.VENDOR_TIMEOUT = 2.0
        registry.forget()
        yield server


def test_without_a_key_there_is_the_simulated_exchange_with_history():
    said = []
    setup.market_data_setup(today=datetime.now(tz=UTC).date(), say=said.append)
    assert Exchange.objects.filter(code="SIMX", is_always_open=True).exists()
    assert CalendarRange.objects.filter(exchange_id="US").exists()
    rows = Instrument.objects.filter(exchange="SIMX")
    assert rows.count() == 3
    yesterday = datetime.now(tz=UTC).date() - timedelta(days=1)
    assert {DailyBar.objects.filter(instrument=row).latest("date").date for row in rows} == {yesterday}
    assert IntradayBar.objects.filter(instrument__in=rows, minutes=60).exists()
    assert setup.vendors_configured() == []
    counts = (DailyBar.objects.count(), IntradayBar.objects.count())
    again = []
    setup.market_data_setup(today=datetime.now(tz=UTC).date(), say=again.append)
    assert again == []
    assert (DailyBar.objects.count(), IntradayBar.objects.count()) == counts


def test_the_simulated_history_is_brought_up_to_date_day_by_day():
    exchanges_seed()
    simulated_instruments_ensure(count=3)
    now = datetime(2026, 5, 5, 12, tzinfo=UTC)
    assert simulated_history_ensure(days=10, minutes_days=0, now=now) == 30
    assert simulated_history_ensure(days=10, minutes_days=0, now=now + timedelta(days=1)) == 3
    assert simulated_history_ensure(days=10, minutes_days=0, now=now + timedelta(days=1)) == 0


def test_one_key_brings_the_pool_with_its_history(polygon):
    calendars_loaded("US")
    days = [date(2026, 11, day) for day in (16, 17, 18, 19, 20)]
    polygon.tickers = [ticker("AAPL"), ticker("MSFT")]
    for symbol in ("AAPL", "MSFT"):
        polygon.bars[symbol, "1day"] = day_bars(days)
    assert setup.vendors_configured() == ["polygon"]
    said = []
    pool = setup.pool_ensure(say=said.append)
    assert [row.symbol for row in pool] == ["AAPL", "MSFT"]
    assert {(row.exchange, row.is_simulated) for row in pool} == {("NASDAQ", False)}
    assert [bar.close for bar in DailyBar.objects.filter(instrument=pool[0]).order_by("date")] == [
        101,
        102,
        103,
        104,
        105,
    ]
    assert said == []


def test_a_vendor_that_does_not_answer_keeps_nothing_from_starting(polygon):
    polygon.fail_next(500, times=50)
    said = []
    assert setup.pool_ensure(say=said.append) == []
