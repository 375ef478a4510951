"""History from vendors, by small providers of their own, and what is missing in what is stored."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.errors import Invalid, NotFound, Unavailable
from marketdata.domain.feed import FeedBar
from marketdata.domain.providers import DAY_MINUTES, Capabilities, InstrumentInfo, ProviderError
from marketdata.domain.types import Action
from marketdata.models import BarSeries, CorporateAction, DailyBar, Instrument, IntradayBar
from marketdata.selectors.gaps import history_gaps
from marketdata.services.chain import Chain
from marketdata.services.vendor_asking import Span
from marketdata.services.vendor_history import history_refresh
from marketdata.tests.bars import exchange, minute_bars, seconds, sessions
from marketdata.tests.factories import InstrumentFactory, bars_create, replay_market

pytestmark = pytest.mark.django_db
MICRO = 1_000_000
DAYS = [date(2026, 3, day) for day in (2, 3, 4, 5, 6)]
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SPAN = Span(date(2026, 3, 1), date(2026, 3, 10))


class Vendor:
    """A provider that knows some symbols: five days of each, two minutes, a dividend."""

    def __init__(self, name, symbols, *, invents=False, broken=(), bars=None, actions=True):
        self.name, self.symbols, self.broken, self.own, self.tells = name, symbols, broken, bars or {}, actions
        self.capabilities = Capabilities(is_simulated=invents)
        self.asked = []

    def _known(self, symbol):
        if symbol not in self.symbols:
            raise ProviderError(self.name, ProviderError.NOT_FOUND, f"no {symbol}")

    def instruments(self, symbols):
        known = [symbol for symbol in symbols if symbol in self.symbols]
        return [InstrumentInfo(symbol, f"{symbol} Inc", "XT", vendor_symbol=f"{symbol}.X") for symbol in known]

    def bars(self, symbol, *, minutes, start, end):
        self._known(symbol)
        self.asked.append((symbol, minutes))
        if minutes < DAY_MINUTES:
            at = seconds(2026, 3, 2, 14, 30) * MICRO
            yield [FeedBar(symbol, minutes, at + n * minutes * 60 * MICRO, *[100 * MICRO] * 4, 7) for n in range(2)]
            return
        for day in self.own.get("days", DAYS):
            at = datetime.combine(day, time(), tzinfo=UTC)
            if start <= at < end:
                close = self.own.get("close", 101)
                yield [
                    FeedBar(
                        symbol,
                        minutes,
                        int(at.timestamp()) * MICRO,
                        100 * MICRO,
                        102 * MICRO,
                        99 * MICRO,
                        close * MICRO,
                        9,
                    )
                ]
            if symbol in self.broken and day == DAYS[2]:
                raise ProviderError(self.name, ProviderError.UNAVAILABLE, "the connection was lost")

    def actions(self, symbol, *, start, end):
        self._known(symbol)
        if not self.tells:
            raise ProviderError(self.name, ProviderError.UNSUPPORTED, "has no corporate actions")
        return [
            Action("dividend", DAYS[1], Decimal("0.25")),
            Action("dividend", DAYS[1], Decimal("1")),
            Action("split", date(2020, 1, 2), Decimal(2)),
            Action("delisting", DAYS[1], Decimal(0)),
        ]


class Vendors:
    """The chain's contract in a few lines: the first vendor that does not fail."""

    def __init__(self, *vendors):
        self.vendors = vendors

    def call(self, what, fn, *, symbols=()):
        failures = {}
        for vendor in self.vendors:
            try:
                return vendor.name, fn(vendor)
            except ProviderError as error:
                failures[vendor.name] = {"code": error.code, "message": error.message}
        raise Unavailable("no_provider", f"No vendor has {what}.", {"what": what, "providers": failures})


def refresh(*vendors, symbols, span=SPAN, now=NOW):
    return {item.symbol: item for item in history_refresh(chain=Vendors(*vendors), symbols=symbols, span=span, now=now)}


def test_symbols_come_whole_or_not_at_all_and_the_next_vendor_is_asked():
    first = Vendor("first", ["AA", "BB"], broken=["BB"])
    second = Vendor("second", ["BB", "CC"], bars={"close": 100})
    found = refresh(first, second, symbols=["aa", "BB", "CC", "ZZ", "AA"], span=Span(SPAN.first, SPAN.last, 1))
    assert list(found) == ["AA", "BB", "CC", "ZZ"]
    assert [found[symbol].provider for symbol in ("AA", "BB", "CC")] == ["first", "second", "second"]
    assert isinstance(found["ZZ"].error, NotFound)
    assert not Instrument.objects.filter(symbol="ZZ").exists()
    made = Instrument.objects.get(symbol="AA")
    assert (made.name, made.exchange, made.vendor_symbols, made.is_simulated) == (
        "AA Inc",
        "XT",
        {"first": "AA.X"},
        False,
    )
    assert BarSeries.objects.get(instrument=made).source == "first: daily bars"
    assert DailyBar.objects.filter(instrument__symbol="BB", close=100).count() == 5  # nothing of the vendor that broke
    actions = CorporateAction.objects.filter(instrument=made).values_list("kind", "ex_date", "value")
    assert list(actions) == [("dividend", DAYS[1], Decimal("1.25"))]
    assert IntradayBar.objects.filter(instrument=made, minutes=1).count() == 2
    assert (found["AA"].is_new, found["AA"].actions, found["AA"].minutes.bars) == (True, 1, 2)
    again = refresh(first, second, symbols=["AA", "BB", "CC"])
    assert [item.days.changed for item in again.values()] == [0, 0, 0]
    assert not again["AA"].is_new


def test_without_corporate_actions_the_stored_ones_stay():
    found = InstrumentFactory(symbol="AA")
    CorporateAction.objects.create(instrument=found, kind="split", ex_date=DAYS[2], value=2)
    outcome = refresh(Vendor("first", ["AA"], actions=False), symbols=["AA"])["AA"]
    assert (outcome.error, outcome.actions) == (None, None)
    assert "corporate actions are as they were" in outcome.notes[0]
    assert CorporateAction.objects.get().kind == "split"


def test_a_session_that_is_not_over_is_left_to_the_feed():
    sessions(exchange(), date(2026, 3, 1), 20)
    vendor = Vendor("first", ["AA"])
    during = datetime(2026, 3, 6, 20, 59, tzinfo=UTC)  # closes at 21:00
    assert refresh(vendor, symbols=["AA"], now=during)["AA"].days.last_date == DAYS[3]
    assert refresh(vendor, symbols=["AA"], now=during + timedelta(minutes=1))["AA"].days.last_date == DAYS[4]


def test_what_a_vendor_cannot_mean_refuses_the_symbol():
    found = refresh(Vendor("first", ["AA"], bars={"close": -5}), Vendor("other", ["BB"]), symbols=["AA", "BB"])
    assert found["AA"].error.code == "bad_rows"
    assert found["BB"].error is None
    assert not Instrument.objects.filter(symbol="AA").exists()
    empty = refresh(Vendor("first", ["CC"], bars={"days": [date(2020, 1, 2)]}), symbols=["CC"])["CC"]
    assert empty.error.code == "no_rows"


def test_invented_and_real_prices_are_not_mixed():
    InstrumentFactory(symbol="AA")
    InstrumentFactory(symbol="SS", is_simulated=True, exchange="SIM")
    simulated = Vendor("simulated", ["AA", "NN"], invents=True)
    found = refresh(simulated, Vendor("first", ["SS"]), symbols=["AA", "SS", "NN"])
    assert [found[symbol].error.code for symbol in ("AA", "SS")] == ["symbol_taken", "symbol_taken"]
    assert Instrument.objects.get(symbol="NN").is_simulated
    assert DailyBar.objects.filter(instrument__symbol__in=["AA", "SS"]).count() == 0


def test_what_a_market_plays_is_not_changed():
    replay_market(running=False)
    days = [date(2024, 1, day) for day in (8, 9)]
    vendor = Vendor("first", ["AAA"], bars={"days": days})
    span = Span(days[0], days[-1])
    assert refresh(vendor, symbols=["AAA"], span=span)["AAA"].error.code == "history_in_use"


@pytest.mark.django_db(transaction=True)
def test_the_vendors_chain_serves_it():
    """The product's own chain: what the first does not know the second is asked for, and a lost one is passed over."""
    vendors = {
        "first": Vendor("first", ["AA", "BB"], broken=["BB"], actions=False),
        "second": Vendor("second", ["BB", "CC"], bars={"close": 100}),
    }
    for vendor in vendors.values():
        vendor.capabilities = Capabilities(actions=vendor.tells)
    chain = Chain(list(vendors), provide=vendors.__getitem__)
    outcomes = history_refresh(chain=chain, symbols=["AA", "BB", "CC", "ZZ"], span=SPAN, now=NOW)
    found = {item.symbol: item for item in outcomes}
    assert [found[symbol].provider for symbol in ("AA", "BB", "CC")] == ["first", "second", "second"]
    assert found["ZZ"].error.code == "unknown_symbol"
    assert (found["AA"].actions, found["BB"].actions) == (None, 1)


def test_a_vendor_that_does_not_answer_is_not_taken_for_one_that_does_not_know():
    class Lost(Vendor):
        def instruments(self, symbols):
            raise ProviderError(self.name, ProviderError.UNAVAILABLE, "no answer")

    assert refresh(Lost("first", []), symbols=["AA"])["AA"].error.code == "no_provider"
    assert refresh(Vendor("first", []), symbols=["AA"])["AA"].error.code == "unknown_symbol"


def test_ranges_and_lists_are_bounded():
    for make in (
        lambda: Span(DAYS[1], DAYS[0]),
        lambda: Span(DAYS[0], DAYS[1], 1440),
        lambda: Span(date(1800, 1, 1), DAYS[0]),
    ):
        with pytest.raises(Invalid):
            make()
    for symbols in ([], ["  "], [f"S{n}" for n in range(5001)]):
        with pytest.raises(Invalid):
            refresh(Vendor("first", []), symbols=symbols)


def run(*argv, **options):
    out, err = StringIO(), StringIO()
    try:
        call_command(*argv, stdout=out, stderr=err, **options)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}"
    return out.getvalue(), ""


def test_the_commands(settings):
    chain = Vendors(Vendor("first", ["AA", "BB"]))
    dates = ["--start", "2026-03-01", "--end", "2026-03-10"]
    out, err = run("refresh_history", "--symbols", "AA", "ZZ", "--minutes", *dates, chain=chain)
    assert out.startswith("AA: from first, 5 days stored, 2026-03-02 to 2026-03-06, 5 changed, 2 bars of 1 min")
    assert err.startswith("ZZ: refused, unknown_symbol")
    assert err.endswith("1 of 2 symbols failed and were left as they were")
    settings.STOCK_POOL = ["AA", "BB"]
    out, err = run("refresh_history", "--pool", *dates, chain=chain)
    assert (err, len(out.splitlines())) == ("", 2)
    out, err = run("import_bars", "--vendor", "--symbols", "bb", *dates, chain=chain)
    assert (err, out.split(",")[0]) == ("", "BB: from first")
    assert "name symbols" in run("refresh_history", *dates)[1]
    assert "not both" in run("refresh_history", "--symbols", "AA", "--days", "3", "--start", "2026-03-01")[1]
    assert "bad_range" in run("refresh_history", "--symbols", "AA", "--start", "2026-03-02", "--end", "2026-03-01")[1]


def test_corporate_actions_are_shown_and_applied():
    found = InstrumentFactory(symbol="AA")
    CorporateAction.objects.create(instrument=found, kind="split", ex_date=DAYS[2], value=3)
    chain, dates = Vendors(Vendor("first", ["AA"])), ["--start", "2026-03-01", "--end", "2026-03-10"]
    out, err = run("corporate_actions", "--symbols", "AA", *dates, chain=chain)
    assert (out, err) == ("AA: 1 from first\n  2026-03-03 dividend 1.25\n", "")
    assert CorporateAction.objects.get().kind == "split"
    out, _ = run("corporate_actions", "--symbols", "AA", "--apply", *dates, chain=chain)
    assert out.startswith("AA: 1 from first, stored")
    assert CorporateAction.objects.get().kind == "dividend"
    assert "unknown_symbol" in run("corporate_actions", "--symbols", "ZZ", *dates, chain=chain)[1]
    replay_market(running=False)
    dates = ["--start", "2024-01-08", "--end", "2026-03-10"]
    refused = run("corporate_actions", "--symbols", "AAA", "--apply", *dates, chain=Vendors(Vendor("first", ["AAA"])))
    assert refused[1] == ""  # the range of what is played is not touched by actions of 2026
    assert CorporateAction.objects.filter(instrument__symbol="AAA").count() == 1


def test_gaps_of_days_and_of_minutes():
    row = exchange()
    sessions(row, date(2026, 3, 2), 20, early=[DAYS[3]], holidays=[DAYS[4]])
    found = InstrumentFactory(symbol="AA", exchange="XT")
    bars_create(found, [(100, 101, 99, 100)] * 4, dates=[DAYS[0], DAYS[2], DAYS[4], date(2026, 3, 9)])
    gaps = history_gaps(found, first=None, last=None, minutes=None, now=NOW)
    assert (gaps.first, gaps.sessions, gaps.missing_days, gaps.strays) == (DAYS[0], 5, (DAYS[1], DAYS[3]), (DAYS[4],))
    minute_bars(found, seconds(2026, 3, 2, 14, 30), [100] * 390)
    minute_bars(found, seconds(2026, 3, 3, 14, 35), [100] * 380)
    minute_bars(found, seconds(2026, 3, 5, 14, 30), [100] * 210)
    gaps = history_gaps(found, first=DAYS[0], last=DAYS[4], minutes=1, now=NOW)
    assert [(gap.date, gap.expected, gap.missing) for gap in gaps.missing_minutes] == [
        (DAYS[1], 390, 10),
        (DAYS[2], 390, 390),
    ]
    assert [(f"{begin:%H:%M}", f"{end:%H:%M}") for begin, end in gaps.missing_minutes[0].ranges] == [
        ("14:30", "14:35"),
        ("20:55", "21:00"),
    ]
    out, err = run("history_gaps", "--symbols", "aa", "--minutes", "--json", "--end", "2026-03-06")
    told = json.loads(out)
    assert (told["missing_days"], told["missing_minutes"][0]["missing"]) == (["2026-03-03", "2026-03-05"], 10)
    assert err == "1 of 1 instruments have gaps"
    out, _ = run("history_gaps", "--symbols", "AA", "--minutes", "--end", "2026-03-06")
    assert "2026-03-03: 10 of 390 bars missing, 14:30 to 14:35, 20:55 to 21:00 UTC" in out
    out, err = run("history_gaps", "--symbols", "AA", "--start", "2026-03-02", "--end", "2026-03-02")
    assert (out, err) == ("AA (XT) 2026-03-02 to 2026-03-02, 1 sessions: whole\n", "")
    assert "there is no instrument NO" in run("history_gaps", "--symbols", "NO")[1]
    InstrumentFactory(symbol="ODD", exchange="NOWHERE")
    assert "unknown_exchange" in run("history_gaps", "--symbols", "ODD")[1]
    CorporateAction.objects.create(instrument=found, kind="delisting", ex_date=DAYS[1])
    assert history_gaps(found, first=DAYS[0], last=None, minutes=None, now=NOW).is_whole
