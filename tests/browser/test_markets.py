"""The market pages in a real browser: search by keyboard, the chart, watchlists, live quotes; phone and desktop."""

from __future__ import annotations

import math
import re
import statistics
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core import push
from core.redis import client as redis_client
from marketdata.adapters.bars_copy import bars_copy
from marketdata.domain.feed import LiveQuote, at_of, micro_of
from marketdata.domain.quote_event import EVENT, quote_channel, quote_event
from marketdata.models import CorporateAction, DailyBar, Instrument, LatestQuote
from tests.browser.axe import fits
from tests.browser.conftest import Site
from tests.browser.kept import made_once
from tests.browser.people import arrive

SYMBOL = "QNTM"
MINUTES = 900


@dataclass
class Markets(Site):
    """The running site with demo history and one live, simulated instrument."""

    live: Instrument = field(default_factory=Instrument)


def micros(cents: int) -> int:
    """Cents as the feed writes prices."""
    return cents * 10_000


def quote_of(instrument: Instrument, cents: int, at: datetime, **fields: object) -> LiveQuote:
    """A quote of a simulated instrument, a cent around `cents`."""
    made = LiveQuote(
        instrument_id=instrument.pk,
        symbol=instrument.symbol,
        bid=micros(cents - 1),
        ask=micros(cents + 1),
        last=micros(cents),
        bid_size=300,
        ask_size=200,
        at=micro_of(at),
        received=micro_of(at) + 4_000,
        provider="simulated",
        session=at.date(),
        open=micros(10_000),
        high=micros(max(cents, 10_150)),
        low=micros(min(cents, 9_900)),
        volume=123_400,
        previous_close=micros(10_000),
    )
    return replace(made, **fields)


def say(quote: LiveQuote) -> None:
    """What the feed does with a quote: it is stored, and told to whoever watches."""
    row = {"document": quote.to_row(), "at": at_of(quote.at), "provider": quote.provider}
    LatestQuote.objects.update_or_create(pk=quote.instrument_id, defaults=row)
    push._send([(quote_channel(quote.instrument_id), EVENT, quote_event(quote))])


def minute_bars(instrument: Instrument, until: datetime) -> None:
    """Minutes of a wave, up to now."""
    end = until.replace(second=0, microsecond=0)
    rows = []
    for back in range(MINUTES, 0, -1):
        level = 10_000 + (back * 7) % 97 - (back * 13) % 53
        prices = [micros(cents) for cents in (level, level + 20, level - 20, level + 5)]
        rows.append((instrument.pk, 1, micro_of(end - timedelta(minutes=back)), *prices, 900 + back, 9))
    bars_copy(rows)


def build_history() -> None:
    """Demo history and the exchanges' sessions."""
    call_command("generate_demo_history", verbosity=0)
    call_command("load_sessions", verbosity=0)


@pytest.fixture
def markets(transactional_db, live_server, stream) -> Markets:
    """Demo history, the exchanges, and a simulated instrument with minutes and a price of just now."""
    made_once("history", build_history)
    live = Instrument.objects.create(
        symbol=SYMBOL, name="Quantum Instruments", exchange="SIMX", sector="Technology", is_simulated=True
    )
    now = datetime.now(tz=UTC)
    minute_bars(live, now)
    first = Instrument.objects.exclude(pk=live.pk).order_by("symbol")[0]
    CorporateAction.objects.create(instrument=first, kind="split", ex_date="2015-06-01", value=2)
    say(quote_of(live, 10_120, now))
    return Markets(live_server.url, "", "", stream, live=live)


def sign_up(page: Page, site: Site, path: str) -> None:
    """A person with an account, back at `path`."""
    arrive(page, site.url, "Mara Lindqvist", path)


def live_now(page: Page) -> None:
    """Wait until the page hears the stream."""
    expect(page.locator("[data-live]").first).to_have_attribute("data-live-state", "live")


def test_every_page_fits_and_nothing_complains(markets: Markets, browser: Browser, shots: Path | None):
    made = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    made.set_default_timeout(15_000)
    page = made.new_page()
    markets.watch(page)
    first = Instrument.objects.order_by("symbol")[0].symbol
    paths = {
        "markets": "/markets",
        "symbol-demo": f"/symbols/{first}",
        "symbol-live": f"/symbols/{SYMBOL}",
        "search": "/search?q=a",
    }
    visited = list(paths.items())
    for name, path in visited:
        page.goto(markets.url + path)
        page.wait_for_timeout(700)
        fits(page, shots, name)
    sign_up(page, markets, "/watchlists")
    fits(page, shots, "watchlists-none")
    page.get_by_label("Name of the new list").fill("Energy")
    page.get_by_role("button", name="Create").click()
    for symbol in (SYMBOL, first):
        page.get_by_label("Symbol to add").fill(symbol)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("table")).to_contain_text(symbol)
    page.wait_for_timeout(500)
    fits(page, shots, "watchlist")
    made.close()
    assert markets.problems == []


FLASHES = """() => document.addEventListener('animationstart',
    (event) => { document.documentElement.dataset.flashed = event.animationName; })"""
NAMELESS = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [role=img]')]
    .filter((each) => each.checkVisibility())
    .filter((each) => !(each.innerText || '').trim() && !each.getAttribute('aria-label') && !each.getAttribute('title')
        && !(each.labels && each.labels.length))
    .map((each) => each.outerHTML.slice(0, 120))"""


def test_everything_one_can_use_has_a_name(markets: Markets, context: BrowserContext):
    page = context.new_page()
    for path in ("/markets", f"/symbols/{SYMBOL}", "/search?q=a"):
        page.goto(markets.url + path)
        page.wait_for_timeout(300)
        assert page.evaluate(NAMELESS) == [], path
    page.goto(markets.url + "/markets")
    expect(page.get_by_role("table", name="Instruments with last price")).to_be_visible()
    page.get_by_role("link", name="Symbol", exact=True).focus()
    tile = page.locator(".heat-tile").first
    tile.focus()
    expect(tile).to_be_focused()
    assert re.search(r"[A-Z]+\s*[+\N{MINUS SIGN}]?\d+\.\d\d%", tile.inner_text())


def test_search_by_keyboard(markets: Markets, context: BrowserContext):
    page = context.new_page()
    markets.watch(page)
    page.goto(markets.url + "/markets")
    box = page.get_by_role("combobox", name="Search symbols")
    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    box.press_sequentially("quan", delay=30)
    options = page.locator("#search-list [role=option]")
    expect(options.first).to_contain_text(SYMBOL)
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "search-option-0")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/symbols/{SYMBOL}")
    page.keyboard.press("/")
    box.press_sequentially("zzzz", delay=10)
    expect(page.locator("#search-list")).to_contain_text("Nothing fits")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=zzzz")
    assert markets.problems == []


def sma(values: list[float], length: int) -> list[float | None]:
    """The mean of the last `length`."""
    return [sum(values[at - length + 1 : at + 1]) / length if at >= length - 1 else None for at in range(len(values))]


def ema(values: list[float], length: int) -> list[float | None]:
    """Begins with the mean of the first `length`."""
    found: list[float | None] = [None] * min(length - 1, len(values))
    for at in range(length - 1, len(values)):
        before = found[-1] if found else None
        first = at == length - 1 or before is None
        found.append(sum(values[:length]) / length if first else before + (values[at] - before) * 2 / (length + 1))
    return found


def rsi(values: list[float], length: int) -> list[float | None]:
    """Wilder's, by its own words: the averages so far, each next move weighs 1 / length."""
    moves = [after - before for before, after in pairwise(values)]
    found: list[float | None] = [None] * min(length, len(values))
    gains, losses = ([max(sign * move, 0.0) for move in moves] for sign in (1, -1))
    up, down = sum(gains[:length]) / length, sum(losses[:length]) / length
    for at in range(length, len(values)):
        if at > length:
            up = (up * (length - 1) + gains[at - 1]) / length
            down = (down * (length - 1) + losses[at - 1]) / length
        found.append(50.0 if up + down == 0 else 100 - 100 / (1 + up / down) if down else 100.0)
    return found


def test_indicators_are_those_that_python_finds(markets: Markets, context: BrowserContext):
    page = context.new_page()
    page.goto(markets.url + "/markets")
    values = [100 + 8 * math.sin(at / 5) + (at * 37 % 11) / 3 for at in range(90)]
    script = """async (values) => {
        const { bollinger, ema, macd, normalised, rsi, sma } = await import('/static/js/indicators.js');
        return { sma: sma(values, 20), ema: ema(values, 12), rsi: rsi(values, 14), bands: bollinger(values, 20, 2),
            macd: macd(values), normalised: normalised(values), short: [sma([1, 2], 3), ema([1, 2], 3), rsi([1, 2], 3),
            macd([1, 2]).histogram], flat: rsi([5, 5, 5, 5], 2), rising: rsi([1, 2, 3, 4], 2) };
    }"""
    found = page.evaluate(script, values)
    assert found["sma"] == pytest.approx(sma(values, 20), nan_ok=True)
    assert found["ema"] == pytest.approx(ema(values, 12))
    assert found["rsi"] == pytest.approx(rsi(values, 14))
    means = sma(values, 20)
    for at in range(19, 90):
        deviation = statistics.pstdev(values[at - 19 : at + 1])
        assert found["bands"]["upper"][at] == pytest.approx(means[at] + 2 * deviation)
        assert found["bands"]["lower"][at] == pytest.approx(means[at] - 2 * deviation)
    line = [None if slow is None else fast - slow for fast, slow in zip(ema(values, 12), ema(values, 26), strict=True)]
    signal = [None] * 25 + ema([value for value in line if value is not None], 9)
    assert found["macd"]["line"] == pytest.approx(line)
    assert found["macd"]["signal"] == pytest.approx(signal)
    assert found["macd"]["histogram"][40] == pytest.approx(line[40] - signal[40])
    assert found["normalised"][10] == pytest.approx((values[10] / values[0] - 1) * 100)
    assert found["short"] == [[None, None]] * 4
    assert found["flat"] == [None, None, 50, 50]
    assert found["rising"] == [None, None, 100, 100]


def painted(page: Page) -> int:
    """How many pixels the chart has painted."""
    script = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let painted = 0;
        for (let at = 3; at < data.length; at += 4) painted += data[at] > 60;
        return painted;
    }"""
    charts = page.locator('[data-chart="symbol"] td:nth-child(2) canvas')
    return sum(charts.nth(at).evaluate(script) for at in range(charts.count()))


def test_the_chart_draws_its_history(markets: Markets, context: BrowserContext):
    page = context.new_page()
    markets.watch(page)
    demo = Instrument.objects.exclude(pk=markets.live.pk).order_by("symbol")[:2]
    page.goto(f"{markets.url}/symbols/{demo[0].symbol}")
    holder, legend = page.locator('[data-chart="symbol"]'), page.locator("[data-legend]")
    expect(holder).to_have_attribute("data-bars", "500")
    assert painted(page) > 2_000
    last = DailyBar.objects.filter(instrument=demo[0]).order_by("-date")[0]
    expect(legend).to_contain_text(f"C {last.close:,.2f}")
    page.get_by_text("Indicators").click()
    for name, words in (
        ("SMA 20", "SMA 20"),
        ("EMA 50", "EMA 50"),
        ("Bollinger", "Upper"),
        ("RSI 14", "RSI 14"),
        ("MACD", "Signal"),
    ):
        page.get_by_label(name).check()
        expect(legend).to_contain_text(words)
    closes = [
        float(value)
        for value in DailyBar.objects.filter(instrument=demo[0]).order_by("-date").values_list("close", flat=True)[:20]
    ]
    expect(legend).to_contain_text(f"SMA 20 {sum(closes) / 20:,.2f}")
    page.get_by_label("RSI 14").uncheck()
    expect(legend).not_to_contain_text("RSI 14")
    page.keyboard.press("Escape")
    page.get_by_label("Compare with").fill(demo[1].symbol.lower())
    page.get_by_role("button", name="Compare").click()
    expect(legend).to_contain_text(demo[1].symbol)
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(legend).not_to_contain_text(demo[1].symbol)
    page.get_by_label("Compare with").fill("NOPE")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#toasts")).to_contain_text("no history of NOPE")
    page.get_by_role("button", name="All", exact=True).click()
    expect(holder).not_to_have_attribute("data-bars", "500")
    assert markets.problems == []


def test_older_bars_come_as_one_scrolls_left(markets: Markets, context: BrowserContext):
    page = context.new_page()
    demo = Instrument.objects.exclude(pk=markets.live.pk).order_by("symbol")[0]
    page.goto(f"{markets.url}/symbols/{demo.symbol}")
    holder = page.locator('[data-chart="symbol"]')
    expect(holder).to_have_attribute("data-bars", "500")
    box = holder.bounding_box()
    assert box is not None
    for _ in range(6):
        page.mouse.move(box["x"] + 60, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 120, box["y"] + 100, steps=6)
        page.mouse.up()
    expect(holder).not_to_have_attribute("data-bars", "500")
    assert int(holder.get_attribute("data-bars") or 0) >= 1_000


def test_the_chart_shows_bars_as_traded_too(markets: Markets, context: BrowserContext):
    page = context.new_page()
    demo = Instrument.objects.exclude(pk=markets.live.pk).order_by("symbol")[0]
    last = DailyBar.objects.filter(instrument=demo).order_by("-date")[0]
    CorporateAction.objects.create(instrument=demo, kind="split", ex_date=last.date, value=2)
    page.goto(f"{markets.url}/symbols/{demo.symbol}")
    legend = page.locator("[data-legend]")
    before = DailyBar.objects.filter(instrument=demo).order_by("-date")[1]
    adjusted = (last.close / (before.close / 2) - 1) * 100
    expect(legend).to_contain_text(f"{adjusted:+.2f}%")
    page.get_by_label("Adjusted for splits").uncheck()
    plain = (last.close / before.close - 1) * 100
    expect(legend).to_contain_text(f"{abs(plain):.2f}%")
    expect(legend).not_to_contain_text(f"{adjusted:+.2f}%")


def test_a_quote_arrives_on_every_page_that_shows_it(markets: Markets, context: BrowserContext):
    page = context.new_page()
    markets.watch(page)
    row = page.locator(f'table.markets-table [data-quote="{markets.live.pk}"]')
    page.goto(markets.url + "/markets")
    live_now(page)
    assert redis_client().zscore("md:watched", str(markets.live.pk)) > time.time()
    page.evaluate(FLASHES)
    say(quote_of(markets.live, 10_250, datetime.now(tz=UTC)))
    expect(row.locator('[data-q="last"]')).to_have_text("102.50")
    expect(row.locator('[data-q="change"]')).to_have_text("+2.50%")
    expect(row.locator('[data-q="age"]')).to_have_text(re.compile(r"^\d s ago$"))
    expect(page.locator("html")).to_have_attribute("data-flashed", "flash-up")
    say(quote_of(markets.live, 9_900, datetime.now(tz=UTC)))
    expect(row.locator('[data-q="change"]')).to_have_class(re.compile(r"\bdown\b"))
    expect(page.locator("html")).to_have_attribute("data-flashed", "flash-down")
    late = quote_of(markets.live, 5_000, datetime.now(tz=UTC) - timedelta(minutes=5))
    push._send([(quote_channel(late.instrument_id), EVENT, quote_event(late))])
    say(quote_of(markets.live, 9_950, datetime.now(tz=UTC)))
    expect(row.locator('[data-q="last"]')).to_have_text("99.50")
    page.goto(f"{markets.url}/symbols/{SYMBOL}")
    live_now(page)
    expect(page.locator('[data-chart="symbol"]')).to_have_attribute("data-bars", re.compile(r"^\d+$"))
    say(quote_of(markets.live, 10_333, datetime.now(tz=UTC)))
    head = page.locator(".symbol-head")
    expect(head.locator('[data-q="last"]')).to_have_text("103.33")
    expect(head.locator('[data-q="bid"]')).to_have_text("103.32")
    expect(head.locator('[data-q="move"]')).to_have_text("+3.33")
    expect(page.locator("[data-legend]")).to_contain_text("C 103.33")
    assert markets.problems == []


def test_nothing_flashes_for_whoever_wants_no_motion(markets: Markets, browser: Browser):
    made = browser.new_context(reduced_motion="reduce")
    page = made.new_page()
    page.goto(markets.url + "/markets")
    live_now(page)
    page.evaluate(FLASHES)
    say(quote_of(markets.live, 10_250, datetime.now(tz=UTC)))
    cell = page.locator(f'table.markets-table [data-quote="{markets.live.pk}"] [data-q="last"]')
    expect(cell).to_have_text("102.50")
    page.wait_for_timeout(200)
    expect(page.locator("html")).not_to_have_attribute("data-flashed", re.compile(""))
    made.close()


def test_an_old_price_is_dimmed_and_says_its_age(markets: Markets, context: BrowserContext):
    page = context.new_page()
    say(quote_of(markets.live, 10_100, datetime.now(tz=UTC) - timedelta(minutes=9)))
    page.goto(f"{markets.url}/symbols/{SYMBOL}")
    head = page.locator(".symbol-head")
    expect(head).to_have_class(re.compile("is-old"))
    expect(head.locator('[data-q="age"]')).to_have_text("9 min ago")
    assert page.evaluate("getComputedStyle(document.querySelector('.symbol-last')).opacity") == "0.55"


def test_a_list_is_made_ordered_and_watched(markets: Markets, context: BrowserContext):
    page = context.new_page()
    markets.watch(page)
    sign_up(page, markets, "/watchlists")
    page.get_by_label("Name of the new list").fill("Mine")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mine")).to_be_visible()
    demo = Instrument.objects.exclude(pk=markets.live.pk).order_by("symbol")[0]
    for symbol in (demo.symbol, SYMBOL):
        page.get_by_label("Symbol to add").fill(symbol)
        page.keyboard.press("Enter")
        expect(page.locator("table")).to_contain_text(symbol)
    symbols = page.locator("tbody a.sym")
    assert symbols.all_inner_texts() == [demo.symbol, SYMBOL]
    page.get_by_role("button", name=f"Move {SYMBOL} up").press("Enter")
    expect(symbols.first).to_have_text(SYMBOL)
    live_now(page)
    say(quote_of(markets.live, 10_444, datetime.now(tz=UTC)))
    expect(page.locator(f'[data-quote="{markets.live.pk}"] [data-q="last"]')).to_have_text("104.44")
    page.get_by_text("Rename").click()
    page.get_by_label("New name").fill("Renamed")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Renamed")).to_be_visible()
    page.get_by_role("button", name=f"Remove {demo.symbol}").click()
    expect(symbols).to_have_count(1)
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete this list").click()
    expect(page.get_by_text("You have no list yet")).to_be_visible()
    assert markets.problems == []
