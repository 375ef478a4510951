"""The public market pages: what they show of prices and of history, and what they do not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from marketdata.adapters.live_board import meta_write
from marketdata.domain.feed import LiveQuote, at_of, micro_of
from marketdata.domain.symbol_panels import (
    PanelRequest,
    SymbolPanel,
    register_symbol_panel,
    symbol_panels,
    unregister_symbol_panel,
)
from marketdata.models import FeedEvent, Instrument, LatestQuote, WatchlistItem
from marketdata.pages import overview
from marketdata.pages.board import Row, base_rows, board_rows, closes_of
from marketdata.pages.search import search
from marketdata.pages.sources import banner, ribbons
from marketdata.pages.words import compact, signed
from marketdata.selectors.watchlists import watchlists_of
from marketdata.services.exchanges import exchanges_seed
from marketdata.services.watchlists import item_add, watchlist_create
from marketdata.tests.factories import InstrumentFactory, actions_create, bars_create, replay_market, weekdays

pytestmark = pytest.mark.django_db
User = get_user_model()
BARS = [(100, 104, 98, 102), (102, 106, 101, 105), (105, 107, 99, 100)]
NASTY = '<script>alert("x")</script>'


@pytest.fixture
def aaa() -> Instrument:
    """An instrument with three days."""
    instrument = InstrumentFactory(symbol="AAA", name="Alpha & Sons", sector="Energy")
    bars_create(instrument, BARS)
    return instrument


@pytest.fixture
def person() -> User:
    """Somebody with an account."""
    return User.objects.create_user(email="mara@example.com", password=None, display_name="Mara")


@pytest.fixture
def mine(person: User) -> Client:
    """Their browser."""
    client = Client()
    client.force_login(person)
    return client


def quote(instrument: Instrument, **fields: object) -> LiveQuote:
    """Store a quote of the feed as of now."""
    at = fields.pop("moment", datetime.now(tz=UTC))
    assert isinstance(at, datetime)
    values: dict[str, object] = {
        "bid": 109_000_000, "ask": 111_000_000, "last": 110_000_000, "bid_size": 1, "ask_size": 1,
        "at": micro_of(at), "received": micro_of(at), "provider": "polygon", "session": at.date(),
        "open": 101_000_000, "high": 112_000_000, "low": 100_500_000, "volume": 4_000, "previous_close": 100_000_000,
    }  # fmt: skip
    made = LiveQuote(instrument_id=instrument.pk, symbol=instrument.symbol, **(values | fields))  # type: ignore[arg-type]
    row = {"document": made.to_row(), "at": at_of(made.at), "provider": made.provider}
    LatestQuote.objects.update_or_create(pk=instrument.pk, defaults=row)
    return made


def text_of(client: Client, path: str, status: int = 200) -> str:
    """A page's text."""
    answer = client.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


class TestRows:
    """What one instrument's row says."""

    def test_without_a_feed_it_is_the_last_close_and_says_so(self, aaa):
        (row,) = board_rows()
        assert (row.last, row.previous, row.change_pct) == (Decimal(100), Decimal(105), Decimal("-4.76"))
        assert (row.is_live, row.source_words, row.volume) == (False, "Last close", 1_000_000)
        assert "Last close" in text_of(Client(), "/markets")

    def test_the_close_before_a_split_is_put_into_the_new_shares(self):
        instrument = InstrumentFactory(symbol="SPL")
        days = bars_create(
            instrument, [(100, 104, 98, 100), (50, 53, 49, 52)], splits=[(weekdays(date(2024, 1, 8), 2)[1], 2)]
        )
        assert days[1] == date(2024, 1, 9)
        (row,) = board_rows()
        assert (row.previous, row.change_pct) == (Decimal(50), Decimal("4.00"))
        assert closes_of([instrument.pk]) == {instrument.pk: [50.0, 52.0]}

    def test_the_feeds_latest_stands_over_the_close(self, aaa):
        quote(aaa)
        (row,) = board_rows()
        assert (row.last, row.previous, row.change_pct) == (Decimal("110.00"), Decimal("100.00"), Decimal("10.00"))
        assert (row.bid, row.ask, row.high, row.is_live) == (Decimal(109), Decimal(111), Decimal(112), True)
        assert not row.is_stale(datetime.now(tz=UTC))
        assert row.is_stale(datetime.now(tz=UTC) + timedelta(minutes=2))

    def test_a_quote_without_a_close_before_counts_from_the_stored_one(self, aaa):
        quote(aaa, previous_close=0)
        assert board_rows()[0].previous == Decimal(100)

    def test_a_quote_of_before_the_last_close_is_not_shown(self, aaa):
        quote(aaa, moment=datetime(2024, 1, 5, 20, tzinfo=UTC))
        assert board_rows()[0].last == Decimal(100)

    def test_nothing_of_a_replays_future_is_shown(self, client):
        replay_market(ticks=5, instrument={"is_simulated": True})
        session = date(2024, 1, 9)
        rows = {row.symbol: row for row in base_rows()}
        assert rows["AAA"].date is not None
        assert rows["AAA"].date < session + timedelta(days=1)
        facts = text_of(client, "/symbols/AAA")
        assert "110.00" not in facts  # the high of the last day of the slice
        assert closes_of([rows["AAA"].id])[rows["AAA"].id][-1] != 108.0
        instrument = Instrument.objects.get(symbol="AAA")
        quote(instrument)
        assert not board_rows()[0].is_live
        assert client.get(f"/markets/quotes?ids={instrument.pk}").json() == {"quotes": []}

    def test_what_trades_no_more_is_not_on_the_board_but_has_its_page(self, aaa, client):
        Instrument.objects.filter(pk=aaa.pk).update(is_active=False)
        assert board_rows() == []
        assert "Trades no more" in text_of(client, "/symbols/AAA")


class TestOverview:
    """Movers, the heat map, sorting."""

    def row(self, symbol: str, last: int, previous: int | None, volume: int = 10, sector: str = "Energy") -> Row:
        before = None if previous is None else Decimal(previous)
        return Row(
            id=ord(symbol[0]), symbol=symbol, name=symbol, exchange="X", sector=sector, currency="USD", kind="stock",
            tick_size=Decimal("0.01"), is_simulated=False, last=Decimal(last), previous=before, volume=volume,
        )  # fmt: skip

    def test_movers_are_those_that_moved(self):
        rows = [self.row("A", 110, 100), self.row("B", 90, 100), self.row("C", 100, 100, 9_999), self.row("D", 5, None)]
        movers = overview.movers_of(rows)
        assert [row.symbol for row in movers.gainers] == ["A"]
        assert [row.symbol for row in movers.losers] == ["B"]
        assert movers.active[0].symbol == "C"

    def test_the_heat_says_direction_and_strength(self):
        rows = [
            self.row("A", 104, 100),
            self.row("B", 98, 100),
            self.row("C", 100, 100, sector=""),
            self.row("D", 1, None),
        ]
        sectors = {sector.name: sector for sector in overview.heat_map(rows)}
        assert {tile.row.symbol: tile.heat_class for tile in sectors["Energy"].tiles} == {
            "A": "heat-up-3",
            "B": "heat-down-2",
        }
        assert sectors["Energy"].change_pct == Decimal("1.00")
        assert [tile.heat_class for tile in sectors["Other"].tiles] == ["heat-flat"]

    def test_what_has_no_value_comes_last_either_way(self):
        rows = [self.row("A", 104, 100), self.row("D", 5, None), self.row("B", 98, 100)]
        assert [row.symbol for row in overview.ordered(rows, "change")] == ["B", "A", "D"]
        assert [row.symbol for row in overview.ordered(rows, "-change")] == ["A", "B", "D"]

    def test_the_table_is_filtered_sorted_and_paged(self, client):
        for number in range(45):
            instrument = InstrumentFactory(
                symbol=f"P{number:02}", exchange="XA" if number % 2 else "XB", sector="Energy"
            )
            bars_create(instrument, [(10, 11, 9, 10), (10, 12, 9, 10 + number % 3)])
        page = text_of(client, "/markets")
        assert page.count('class="wide"') == 40
        assert "Page 1 of 2" in page
        assert text_of(client, "/markets?page=2").count('class="wide"') == 5
        assert text_of(client, "/markets?exchange=XA").count('class="wide"') == 22
        assert text_of(client, "/markets?exchange=XA&sector=Nope").count('class="wide"') == 0
        assert 'aria-sort="descending"' in text_of(client, "/markets?sort=-change")
        assert 'aria-sort="ascending"' in text_of(client, "/markets?sort=__class__")

    def test_the_number_of_statements_does_not_grow_with_the_rows(self, client):
        def statements() -> int:
            from django.core.cache import cache

            cache.clear()
            with CaptureQueriesContext(
                connection,
            ) as seen:
                text_of(client, "/markets")
            return len(seen)

        bars_create(InstrumentFactory(symbol="ONE"), BARS)
        few = statements()
        for number in range(20):
            bars_create(InstrumentFactory(symbol=f"M{number}", sector=f"S{number}"), BARS)
        assert statements() == few
        assert few <= 12

    def test_without_any_instrument_it_says_how_to_load_some(self, client):
        assert "generate_demo_history" in text_of(client, "/markets")


class TestWords:
    """The ribbon and the banner."""

    def test_ribbons_name_each_kind_once(self):
        found = ribbons([("polygon", False), ("", True), ("simulated", True), ("alpha_vantage", False), ("", False)])
        assert {item.kind: item.is_live for item in found} == {
            "LIVE": True, "DELAYED 15 MIN": True, "SIMULATED": True, "CLOSING PRICES": False,
        }  # fmt: skip

    def test_figures_in_few_characters(self):
        assert [compact(value) for value in (999, 1_234, 45_600_000, 7_000_000_000)] == [
            "999",
            "1.23 K",
            "45.6 M",
            "7.00 B",
        ]
        assert [signed(Decimal(value), 2) for value in ("1234.5", "-0.25", "0")] == ["+1,234.50", "−0.25", "0.00"]

    def feed(self, **fields: object) -> None:
        """What the feed says of itself."""
        now = datetime.now(tz=UTC).isoformat()
        meta_write({"state": "running", "provider": "polygon", "last_message": now, "since": now, **fields})

    def said(self, **fields: bool) -> tuple[str, str] | None:
        """Tone and text of the banner."""
        found = banner(**({"shows_live": True, "trades_now": True} | fields))
        return None if found is None else (found.tone, found.text)

    def test_the_banner_says_that_the_feed_is_down_and_nothing_without_live_prices(self):
        assert self.said(shows_live=False) is None
        assert self.said() == ("down", "The feed is down. The prices are the last known; each says its age.")
        self.feed(state="down", last_message="2026-01-05T15:04:05+00:00")
        tone, text = self.said() or ("", "")
        assert (tone, "since 15:04:05 UTC" in text) == ("down", True)

    def test_silence_is_told_while_the_market_trades_only(self):
        self.feed()
        assert self.said() is None
        self.feed(last_message="2026-01-05T15:04:05+00:00")
        assert self.said() == ("warn", "Nothing heard from Polygon.io since 15:04:05 UTC.")
        assert self.said(trades_now=False) is None

    def test_a_switch_is_told_for_a_quarter_of_an_hour(self):
        self.feed()
        event = FeedEvent.objects.create(kind="switch", provider="alpaca", message="x", details={"from": "polygon"})
        assert self.said() == ("warn", f"The feed switched from Polygon.io to Alpaca at {event.at:%H:%M:%S} UTC.")
        FeedEvent.objects.update(at=event.at - timedelta(minutes=16))
        assert self.said() is None

    def test_live_prices_of_an_exchange_that_lets_nobody_show_them_are_not_shown(self, aaa, client):
        exchanges_seed()
        Instrument.objects.filter(pk=aaa.pk).update(exchange="NSE")
        quote(aaa)
        assert not board_rows()[0].is_live
        assert client.get(f"/markets/quotes?ids={aaa.pk}").json() == {"quotes": []}
        assert "quote:" not in text_of(client, "/symbols/AAA")
        assert "quote:" not in text_of(client, "/markets")


class TestSymbol:
    """One symbol's page."""

    def test_it_tells_the_history(self, aaa, client):
        actions_create(aaa, [("dividend", 1, "0.3"), ("symbol_change", 2, 0, "BBB")])
        page = text_of(client, "/symbols/AAA")
        assert "Alpha &amp; Sons" in page
        for words in ("0.30 USD a share", "New symbol", "98.00", "107.00", "Test bars", "52 weeks"):
            assert words in page, words

    def test_another_spelling_leads_to_the_page(self, aaa, client):
        for path in ("/symbols/aaa", "/symbols/TEST:AAA"):
            answer = client.get(path)
            assert (answer.status_code, answer["Location"]) == (302, "/symbols/AAA")

    def test_an_unknown_symbol_is_a_404_page(self, client):
        assert "There is nothing at this address" in text_of(client, "/symbols/NOPE", 404)
        assert client.get("/symbols/NOPE/news").status_code == 404

    def test_names_are_never_markup(self, client, mine, person):
        instrument = InstrumentFactory(symbol="XSS", name=NASTY, sector='"><img src=x onerror=y>')
        bars_create(instrument, BARS)
        made = watchlist_create(actor=person, name=NASTY[:60])
        item_add(actor=person, watchlist_id=made.id, instrument_id=instrument.pk)
        for path in ("/markets", "/symbols/XSS", "/search?q=XSS", "/search/suggest?q=XSS", "/watchlists"):
            page = text_of(mine, path)
            assert NASTY not in page, path
            assert "<img src=x" not in page, path
        assert NASTY not in text_of(client, f"/search?q={NASTY}")

    def test_without_history_it_says_how_to_load_it(self, client):
        InstrumentFactory(symbol="BARE")
        page = text_of(client, "/symbols/BARE")
        assert "refresh_history" in page
        assert "No price yet" in page

    def test_head_answers_like_get_without_a_body(self, aaa, client):
        for path in ("/markets", "/symbols/AAA", "/search?q=a", f"/markets/quotes?ids={aaa.pk}"):
            answer = client.head(path)
            assert (answer.status_code, answer.content) == (200, b""), path
            assert client.post(path).status_code == 405

    def test_panels_of_others_are_shown_and_a_failing_one_is_not(self, aaa, client):
        asked: list[PanelRequest] = []

        def works(request: PanelRequest) -> SymbolPanel:
            asked.append(request)
            return SymbolPanel("components/empty.html", {"text": f"About <{request.symbol}>"})

        def fails(_request: PanelRequest) -> SymbolPanel:
            raise RuntimeError("no")

        register_symbol_panel(2, "works", works)
        register_symbol_panel(1, "fails", fails)
        try:
            names = [name for name, _ in symbol_panels()]
            assert names.index("fails") < names.index("works")
            assert "About &lt;AAA&gt;" in text_of(client, "/symbols/AAA")
        finally:
            unregister_symbol_panel("works")
            unregister_symbol_panel("fails")
        assert asked == [PanelRequest(aaa.pk, "AAA", None)]
        assert "About" not in text_of(client, "/symbols/AAA").split("<main", 1)[1]


class TestQuotes:
    """The latest as JSON."""

    def test_the_same_words_as_the_event_and_a_mark_of_the_content(self, aaa, client):
        quote(aaa)
        answer = client.get(f"/markets/quotes?ids={aaa.pk},999999")
        (found,) = answer.json()["quotes"]
        assert (found["id"], found["last"], found["change_pct"], found["source"]) == (
            aaa.pk,
            "110.00",
            "10.00",
            "polygon",
        )
        again = client.get(f"/markets/quotes?ids={aaa.pk},999999", headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize("ids", ["", "x", "1,x", "-1", "٣", ",".join(map(str, range(61))), "9" * 30])
    def test_refusals(self, client, ids):
        answer = client.get("/markets/quotes", {"ids": ids})
        assert answer.status_code == 400
        assert answer.json()["code"] == "ids_invalid"


class TestSearch:
    """Finding an instrument."""

    @pytest.fixture(autouse=True)
    def rows(self):
        for symbol, name in (
            ("ALP", "Mountain"),
            ("BET", "Alpine Gear"),
            ("GAM", "Big Alp House"),
            ("DEL", "Coral Palace"),
        ):
            InstrumentFactory(symbol=symbol, name=name)

    def test_the_best_comes_first(self):
        assert [row.symbol for row in search("alp")] == ["ALP", "BET", "GAM"]
        assert [row.symbol for row in search("pala")] == ["DEL"]
        assert [row.symbol for row in search("TEST:bet")] == ["BET"]
        assert search("") == search("   ") == search("zzz") == []
        assert len(search("a", 2)) == 2

    def test_suggestions_are_options_and_may_be_kept(self, client):
        answer = client.get("/search/suggest?q=alp")
        page = answer.content.decode()
        assert page.count('role="option"') == 3
        assert 'href="/symbols/ALP"' in page
        assert "max-age" in answer["Cache-Control"]
        assert client.get("/search/suggest?q=alp", headers={"If-None-Match": answer["ETag"]}).status_code == 304
        assert "Nothing fits" in text_of(client, "/search/suggest?q=zzz")

    def test_the_page_works_without_a_script(self, client):
        assert text_of(client, "/search?q=alp").count('class="wide"') == 3
        assert "Nothing fits" in text_of(client, "/search?q=zzz")
        assert text_of(client, "/search?q=%00" + "a" * 500).count('class="wide"') == 0


class TestWatchlists:
    """A person's lists."""

    def test_a_visitor_signs_in_first(self, client):
        answer = client.get("/watchlists")
        assert answer.status_code == 302
        assert "/sign-in" in answer["Location"]

    def test_the_life_of_a_list(self, aaa, mine, person):
        InstrumentFactory(symbol="BBB", name="Beta")
        assert "You have no list yet" in text_of(mine, "/watchlists")
        mine.post("/watchlists", {"name": "  Energy  "})
        (made,) = watchlists_of(person.pk)
        path = f"/watchlists/{made.id}"
        assert "Nothing is on this list yet" in text_of(mine, path)
        mine.post(f"{path}/add", {"symbol": "test:aaa"})
        mine.post(f"{path}/add", {"symbol": "bet"})
        assert [item.symbol for item in watchlists_of(person.pk)[0].items] == ["AAA", "BBB"]
        mine.post(f"{path}/move", {"symbol": "BBB", "direction": "up"})
        mine.post(f"{path}/move", {"symbol": "BBB", "direction": "up"})
        assert [item.symbol for item in watchlists_of(person.pk)[0].items] == ["BBB", "AAA"]
        mine.post(f"{path}/rename", {"name": "Power"})
        page = text_of(mine, path)
        assert '<h2 id="list-head">Power</h2>' in page
        assert f'data-quotes="quote:{Instrument.objects.get(symbol="BBB").pk},quote:{aaa.pk}"' in page
        mine.post(f"{path}/remove", {"symbol": "AAA"})
        assert [item.symbol for item in watchlists_of(person.pk)[0].items] == ["BBB"]
        mine.post(f"{path}/delete")
        assert watchlists_of(person.pk) == []

    def test_refusals_are_told(self, aaa, mine, person):
        made = watchlist_create(actor=person, name="One")
        for path, data, words in (
            ("/watchlists", {"name": "One"}, "You have a list of that name"),
            ("/watchlists", {"name": " "}, "A list needs a name"),
            (f"/watchlists/{made.id}/add", {"symbol": "NOPE"}, "There is no symbol NOPE"),
            (f"/watchlists/{made.id}/rename", {"name": "x" * 61}, "A list needs a name"),
        ):
            assert words in mine.post(path, data, follow=True).content.decode(), path

    def test_a_strangers_list_is_not_there(self, aaa, mine):
        other = User.objects.create_user(email="other@example.com", password=None)
        made = watchlist_create(actor=other, name="Theirs")
        path = f"/watchlists/{made.id}"
        assert "Theirs" not in text_of(mine, path, 404)
        for action in ("add", "remove", "move", "rename", "delete"):
            answer = mine.post(f"{path}/{action}", {"symbol": "AAA", "name": "Mine", "direction": "up"})
            assert answer.status_code == 404, action
        (kept,) = watchlists_of(other.pk)
        assert (kept.name, kept.items) == ("Theirs", ())

    def test_watch_on_a_symbols_page_adds_and_comes_back(self, aaa, mine, person):
        page = text_of(mine, "/symbols/AAA")
        assert "Add to a new list" in page
        mine.post("/watchlists", {"name": "Watchlist", "symbol": "AAA"})
        (made,) = watchlists_of(person.pk)
        assert [item.symbol for item in made.items] == ["AAA"]
        assert "Remove from Watchlist" in text_of(mine, "/symbols/AAA")
        gone = mine.post(f"/watchlists/{made.id}/remove", {"symbol": "AAA", "next": "/symbols/AAA"})
        assert gone["Location"] == "/symbols/AAA"
        away = mine.post(f"/watchlists/{made.id}/add", {"symbol": "AAA", "next": "https://evil.example/"})
        assert away["Location"] == f"/watchlists/{made.id}"
        assert WatchlistItem.objects.count() == 1

    def test_what_trades_no_more_stays_on_the_list(self, aaa, mine, person):
        made = watchlist_create(actor=person, name="One")
        item_add(actor=person, watchlist_id=made.id, instrument_id=aaa.pk)
        Instrument.objects.filter(pk=aaa.pk).update(is_active=False)
        assert "Remove AAA" in text_of(mine, "/watchlists")

    def test_the_number_of_statements_does_not_grow_with_the_list(self, mine, person):
        made = watchlist_create(actor=person, name="One")

        def statements() -> int:
            from django.core.cache import cache

            text_of(mine, "/watchlists")
            cache.delete("md:pages:base")
            with CaptureQueriesContext(connection) as seen:
                text_of(mine, "/watchlists")
            return len(seen)

        def add(symbol: str) -> None:
            instrument = InstrumentFactory(symbol=symbol)
            bars_create(instrument, BARS)
            item_add(actor=person, watchlist_id=made.id, instrument_id=instrument.pk)

        add("ONE")
        few = statements()
        for number in range(12):
            add(f"W{number}")
        assert statements() == few
