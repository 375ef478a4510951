"""The simulated exchange: a function of time, the same however it is asked, and a provider like the others."""

import time
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.adapters.vendors import simulated
from marketdata.domain.candles import recomputed, rolled
from marketdata.domain.feed import Print, micro_of
from marketdata.domain.providers import DAY_MINUTES, ProviderError, StreamSink
from marketdata.domain.simulated import CENT, EPOCH, SimulatedExchange, unit_of
from marketdata.domain.simulated_jumps import DAY_UNITS, UNITS
from marketdata.domain.simulated_universe import MAX_COMPANIES, universe
from marketdata.domain.universe import COMPANIES
from marketdata.models import BarSeries, DailyBar, Instrument, IntradayBar
from marketdata.services import simulated as simulated_services
from marketdata.services.simulated import simulated_history_ensure, simulated_instruments_ensure

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MINUTE = 60_000_000


def every(count):
    return np.arange(count, dtype=np.int64)


def same(one, two):
    return all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("at", "last", "half", "size", "halted", "due")
    )


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 7 * 365 * DAY_UNITS // 64),
    st.integers(1, 200),
    st.lists(st.integers(0, 39), min_size=1, max_size=5, unique=True),
)
def test_prices_are_the_same_however_they_are_asked_for(moment, count, rows):
    """Alone or with others, one moment or many, by this process or the next."""
    first = moment * 64
    whole = SimulatedExchange(7, 40, 40).prints(every(40), first, count)
    part = SimulatedExchange(7, 40, 40).prints(np.array(rows), first, count)
    assert np.array_equal(whole.last[rows], part.last)
    assert np.array_equal(whole.size[rows], part.size)
    step = SimulatedExchange(7, 40, 40).step
    middle = count // 2
    later = SimulatedExchange(7, 40, 40).prints(np.array(rows), first + middle * step, 1)
    assert np.array_equal(whole.last[rows][:, middle : middle + 1], later.last)
    assert np.array_equal(whole.due[rows][:, middle : middle + 1], later.due)


def test_the_seed_decides_and_more_companies_change_nothing_of_the_first():
    start = unit_of(NOON)
    one = SimulatedExchange(7, 40, 40).prints(every(40), start, 16)
    assert same(one, SimulatedExchange(7, 40, 40).prints(every(40), start, 16))
    assert not np.array_equal(one.last, SimulatedExchange(8, 40, 40).prints(every(40), start, 16).last)
    assert np.array_equal(one.last, SimulatedExchange(7, 80, 80).prints(every(40), start, 16).last)


@pytest.mark.parametrize(("count", "rate"), [(40, 40), (40, 10), (30, 200), (7, 5), (400, 40), (100, 1)])
def test_minutes_are_made_of_the_prints_that_are_streamed(count, rate):
    exchange, minutes = SimulatedExchange(7, count, rate), 3
    names = [f"S{row}" for row in range(count)]
    moments = minutes * 60 * UNITS // exchange.step
    table = exchange.prints(every(count), unit_of(NOON), moments)
    said = [item for column in range(moments) for item in simulated._prints(names, table, column)]
    times, bars = exchange.minute_bars(every(count), NOON, minutes)
    expected = [
        (row, 1, int(at), *bars[row, place].tolist())
        for row in range(count)
        for place, at in enumerate(times)
        if bars[row, place, 5]
    ]
    assert sorted(expected) == recomputed(said, {name: row for row, name in enumerate(names)})
    made = len(said) / (minutes * 60)
    assert 0.8 * rate <= made <= 1.1 * rate or rate < count // 8
    assert len({(item.symbol, item.key) for item in said}) == len(said)  # told apart for good


def test_what_is_said_can_be():
    exchange = SimulatedExchange(7, 500, 500)
    table = exchange.prints(every(500), unit_of(NOON), 60)
    for item in simulated._prints([f"S{row}" for row in range(500)], table, 30):
        assert 0 < item.bid < item.ask
        assert item.bid % CENT == item.ask % CENT == item.last % CENT == 0
        assert item.halted or (item.bid < item.last < item.ask and item.size > 0)
    assert (table.half * 2 <= np.maximum(table.last * 0.01, 2)).all()  # spreads are narrow


def test_prices_stay_sane_and_are_not_all_alike():
    exchange = SimulatedExchange(7, 25, 25)
    days = exchange.day_bars(every(25), datetime(2024, 1, 1, tzinfo=UTC), 200)
    opened, high, low, close, volume = (days[:, :, column] for column in range(5))
    assert (low > 0).all()
    assert (volume > 0).all()
    assert (low <= np.minimum(opened, close)).all()
    assert (high >= np.maximum(opened, close)).all()
    assert close.min() >= 100
    assert close.max() < 1_000_000
    moves = np.diff(np.log(close), axis=1)
    assert 0.005 < np.median(moves.std(axis=1)) < 0.05
    assert np.abs(opened[:, 1:] / close[:, :-1] - 1).max() < 0.2
    together = np.corrcoef(moves[:20])
    assert 0.05 < np.median(together[np.triu_indices(20, 1)]) < 0.9


def test_a_day_ends_at_its_last_print():
    exchange = SimulatedExchange(7, 10, 10)
    start = NOON.replace(hour=0)
    day = exchange.day_bars(every(10), start, 1)
    last = exchange.prints(every(10), unit_of(start + timedelta(days=1)) - exchange.step, 1)
    first = exchange.prints(every(10), unit_of(start), 1)
    assert np.array_equal(day[:, 0, 3], last.last[:, 0])
    assert np.array_equal(day[:, 0, 0], first.last[:, 0])


def test_a_large_jump_halts_for_five_minutes():
    exchange = SimulatedExchange(7, 400, 400)
    _, moments, sizes = exchange._jump_days(every(400), 0, unit_of(NOON) // DAY_UNITS)
    row, day = next((int(row), int(day)) for row, day in np.argwhere(np.abs(sizes) >= 0.04) if day > 2_000)
    begin = (day * DAY_UNITS + int(moments[row, day])) // exchange.step * exchange.step
    table = exchange.prints(np.array([row]), begin - 8 * exchange.step, 400)
    halted = table.halted[0]
    assert 299 <= halted.sum() * exchange.step / UNITS <= 301
    assert not halted[:8].any()
    before, after = table.last[0, 7], table.last[0, 9]
    assert abs(after / before - 1) > 0.02
    stopped = simulated._prints(["S"], table, int(np.argmax(halted)) + 2)[0]
    assert (stopped.halted, stopped.last, stopped.size) == (True, 0, 0)
    minute = datetime.fromtimestamp(int(table.at[12]) / 1e6, tz=UTC).replace(second=0, microsecond=0)
    _, bars = exchange.minute_bars(np.array([row]), minute + timedelta(minutes=1), 3)
    assert not bars.any()


def test_jumps_are_the_same_from_whichever_day_they_are_asked_for():
    exchange, rows = SimulatedExchange(7, 50, 50), every(50)
    sums, moments, sizes = exchange._jump_days(rows, 0, 700)
    assert np.allclose(sums[:, 1:], np.cumsum(sizes, axis=1)[:, :-1], atol=1e-12)
    for first, last in ((0, 0), (1, 3), (255, 257), (256, 256), (600, 700)):
        some = exchange._jump_days(rows[10:20], first, last)
        assert all(
            np.array_equal(one, whole[10:20, first : last + 1])
            for one, whole in zip(some, (sums, moments, sizes), strict=True)
        )


def test_nothing_is_before_the_beginning():
    with pytest.raises(ValueError, match="2020"):
        unit_of(EPOCH - timedelta(seconds=1))


class TestUniverse:
    def test_names_are_invented_unique_and_always_the_same(self):
        companies = universe(MAX_COMPANIES)
        symbols = [company.symbol for company in companies]
        assert len(set(symbols)) == len(symbols) == MAX_COMPANIES
        assert all(4 <= len(symbol) <= 5 and symbol.isalpha() and symbol.isupper() for symbol in symbols)
        assert universe(40) == companies[:40]
        assert [company.index for company in companies] == list(range(MAX_COMPANIES))
        assert not set(symbols) & {company.symbol for company in COMPANIES}
        assert all(len(company.name) <= 120 and company.sector for company in companies)

    def test_no_well_known_ticker_is_among_them(self):
        known = "ZION ZTS ZBRA ZM ZS ZG ZI ZUO ZETA ZBH XOM XEL XYL XRAY XPO XRX XENE XNCR XPEV ZLAB ZTO ZWS ZIMV ZEUS"
        symbols = {company.symbol for company in universe(MAX_COMPANIES)}
        assert not symbols & {*known.split(), "AAPL", "MSFT", "NVDA", "GOOGL", "QQQ", "SPY", "XLK", "XLF", "XLE"}

    @pytest.mark.parametrize("count", [-1, MAX_COMPANIES + 1])
    def test_it_has_bounds(self, count):
        with pytest.raises(ValueError, match="5000"):
            universe(count)


class TestProvider:
    def build(self, count=20, rate=100):
        return simulated.Simulated(seed=7, count=count, rate=rate)

    def test_it_knows_its_companies(self):
        provider = self.build()
        first = universe(20)[0]
        assert [item.symbol for item in provider.instruments([first.symbol, "AAPL"])] == [first.symbol]
        assert provider.search(first.symbol[:3].lower())[0].exchange == "SIMX"
        assert provider.search(first.name.split()[0])[0].symbol == first.symbol
        assert provider.search("", limit=3) == provider.instruments([item.symbol for item in universe(3)])
        assert provider.status("SIMX").is_open
        assert provider.capabilities.is_simulated
        assert provider.actions(first.symbol, start=date(2026, 1, 1), end=date(2026, 12, 31)) == []
        with pytest.raises(ProviderError, match="no news"):
            provider.news(first.symbol)

    def test_quotes_are_of_now_and_of_the_day(self):
        provider = self.build()
        symbols = [item.symbol for item in universe(20)]
        quotes = provider.quotes([*symbols, "AAPL"])
        assert [quote.symbol for quote in quotes] == symbols
        for quote in quotes:
            assert abs(quote.at - micro_of(datetime.now(tz=UTC))) < 5_000_000
            assert quote.low <= quote.last <= quote.high
            assert quote.bid < quote.last < quote.ask
            assert abs(quote.last / quote.previous_close - 1) < 0.4
            assert quote.session == datetime.now(tz=UTC).date()

    def test_bars_are_of_what_is_over_and_the_same_in_any_pages(self):
        provider, symbol = self.build(), universe(20)[3].symbol
        now = datetime.now(tz=UTC)
        start = now - timedelta(minutes=90)
        whole = [bar for page in provider.bars(symbol, minutes=1, start=start, end=now) for bar in page]
        assert [bar.at for bar in whole] == sorted({bar.at for bar in whole})
        assert all(bar.at >= micro_of(start) and bar.at + MINUTE <= micro_of(datetime.now(tz=UTC)) for bar in whole)
        assert len(whole) >= 80
        half = now - timedelta(minutes=45)
        parts = [
            bar
            for begin, end in ((start, half), (half, now))
            for page in provider.bars(symbol, minutes=1, start=begin, end=end)
            for bar in page
        ]
        assert {bar.at for bar in parts} >= {bar.at for bar in whole} - {micro_of(half) // MINUTE * MINUTE}
        assert set(parts) <= set(whole)

    def test_days_are_those_that_are_over(self):
        provider, symbol = self.build(), universe(20)[3].symbol
        now = datetime.now(tz=UTC)
        pages = list(provider.bars(symbol, minutes=DAY_MINUTES, start=now - timedelta(days=900), end=now))
        days = [bar.at for page in pages for bar in page]
        assert len(pages) == 3
        assert len(days) in {899, 900}
        assert days[-1] == micro_of(now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1))

    def test_what_it_does_not_have_it_says(self):
        provider = self.build()
        with pytest.raises(ProviderError) as error:
            list(provider.bars("AAPL", minutes=1, start=NOON, end=NOON))
        assert error.value.code == ProviderError.NOT_FOUND
        with pytest.raises(ProviderError) as error:
            list(provider.bars(universe(1)[0].symbol, minutes=5, start=NOON, end=NOON))
        assert error.value.code == ProviderError.UNSUPPORTED

    def test_the_stream_says_what_the_exchange_prints_when_its_moment_comes(self):
        provider = self.build()
        symbols = [item.symbol for item in universe(20)[5:15]]
        heard: list[tuple[float, Print]] = []
        connected, stop = Event(), Event()
        sink = StreamSink(
            lambda prints: heard.extend((time.time(), item) for item in prints), lambda _bars: None, connected.set
        )
        thread = Thread(target=provider.stream, args=([*symbols, "AAPL"], sink, stop))
        thread.start()
        assert connected.wait(2.0)
        end = time.monotonic() + 5.0
        while len(heard) < 60 and time.monotonic() < end:
            time.sleep(0.02)
        stop.set()
        began = time.monotonic()
        thread.join(2.0)
        assert not thread.is_alive()
        assert time.monotonic() - began < 1.0
        assert {item.symbol for _, item in heard} == set(symbols)
        assert all(item.at / 1e6 <= at for at, item in heard)  # never ahead of time
        items = [item for _, item in heard]
        first = min(item.at for item in items)
        unit = unit_of(datetime.fromtimestamp(first / 1e6, tz=UTC))
        table = provider.exchange.prints(np.arange(5, 15), unit, 200)
        expected = {item for column in range(200) for item in simulated._prints(symbols, table, column)}
        assert set(items) <= expected
        assert len(set(items)) == len(items)


@pytest.mark.django_db(transaction=True)
class TestHistory:
    @pytest.fixture(autouse=True)
    def _small(self, settings, monkeypatch):
        monkeypatch.setattr(simulated_services, "MOMENTS_AT_ONCE", 200_000)  # two or three companies at a time
        settings.SIMULATED_SYMBOLS, settings.SIMULATED_QUOTES_PER_SECOND = 4, 4

    def test_instruments_and_history_are_made_once(self):
        rows = simulated_instruments_ensure(count=4)
        assert [row.symbol for row in rows] == [item.symbol for item in universe(4)]
        Instrument.objects.filter(pk=rows[0].pk).update(name="Corrected by a person")
        assert simulated_instruments_ensure(count=4)[0].name == "Corrected by a person"
        made = simulated_history_ensure(days=30, minutes_days=1, now=NOON)
        assert made > 4 * (30 + 1_400)
        assert simulated_history_ensure(days=30, minutes_days=1, now=NOON) == 0
        days = DailyBar.objects.filter(instrument=rows[0]).order_by("date")
        assert (days.first().date, days.last().date, days.count()) == (date(2026, 10, 28), date(2026, 11, 26), 30)
        assert BarSeries.objects.get(instrument=rows[0]).seed == 7

    def test_the_next_day_is_added_and_agrees_with_what_is_there(self):
        rows = simulated_instruments_ensure(count=4)
        simulated_history_ensure(days=30, minutes_days=0, now=NOON)
        before = dict(DailyBar.objects.filter(instrument=rows[1]).values_list("date", "close"))
        assert simulated_history_ensure(days=30, minutes_days=0, now=NOON + timedelta(days=1)) == 4
        after = dict(DailyBar.objects.filter(instrument=rows[1]).values_list("date", "close"))
        assert {day: close for day, close in after.items() if day in before} == before

    def test_coarser_bars_are_rolled_from_minutes(self):
        rows = simulated_instruments_ensure(count=4)
        simulated_history_ensure(days=0, minutes_days=1, now=NOON)
        fields = ("instrument_id", "minutes", "at", "open", "high", "low", "close", "volume", "trades")
        stored = {
            minutes: [
                (row[0], row[1], micro_of(row[2]), *row[3:])
                for row in IntradayBar.objects.filter(instrument=rows[2], minutes=minutes)
                .order_by("at")
                .values_list(*fields)
            ]
            for minutes in (1, 5, 60)
        }
        for minutes in (5, 60):
            assert stored[minutes] == rolled(stored[1], minutes)
