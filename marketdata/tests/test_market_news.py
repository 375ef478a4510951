"""Headlines on a symbol's page, from a real client of a vendor on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.test import Client

from marketdata.adapters.vendors import registry
from marketdata.selectors.providers import vendor_symbols_forget
from marketdata.tests.factories import InstrumentFactory
from marketdata.tests.vendors.finnhub_server import FinnhubServer

pytestmark = pytest.mark.django_db
KEYS = ("POLYGON_API_KEY", "ALPACA_API_KEY", "ALPACA_API_SECRET", "FINNHUB_API_KEY", "ALPHA_VANTAGE_API_KEY")


@pytest.fixture
def vendor(settings) -> Iterator[FinnhubServer]:
    """Finnhub on loopback, the only vendor that is set up."""
    with FinnhubServer() as server:
        for name in KEYS:
            setattr(settings, name, "")
        settings.DATA_SOURCE, settings.FINNHUB_API_KEY = ["auto"], "right-key"
        settings.FINNHUB_URL, settings.FINNHUB_STREAM_URL = server.url, server.stream_url
        settings.VENDOR_TIMEOUT = 0.4
        registry.forget()
        vendor_symbols_forget()
        yield server
    registry.forget()
    vendor_symbols_forget()


def article(number: int, headline: str, url: str) -> dict[str, object]:
    """A row as the vendor writes it."""
    at = int(datetime.now(tz=UTC).timestamp()) - number
    return {
        "id": number, "datetime": at, "headline": headline, "url": url, "source": "Wire",
        "related": "AAPL", "summary": "", "category": "company", "image": "",
    }  # fmt: skip


def news() -> str:
    """What the page fetches."""
    answer = Client().get("/symbols/AAPL/news")
    assert answer.status_code == 200
    return answer.content.decode()


def test_headlines_are_links_and_never_markup(vendor: FinnhubServer):
    InstrumentFactory(symbol="AAPL", exchange="NASDAQ")
    vendor.news = [
        article(1, "Profits <b>rise</b>", "https://news.example/1"),
        article(2, "A trap", "javascript:alert(1)"),
    ]
    text = news()
    assert 'href="https://news.example/1"' in text
    assert "Profits &lt;b&gt;rise&lt;/b&gt;" in text
    assert "A trap" not in text
    assert "javascript:" not in text


def test_no_headline_and_no_provider_are_told_apart(vendor: FinnhubServer, settings):
    InstrumentFactory(symbol="AAPL", exchange="NASDAQ")
    assert "No headline about this symbol just now" in news()
    settings.FINNHUB_API_KEY = ""
    registry.forget()
    assert "No provider of news is configured" in news()


def test_of_an_invented_company_nobody_is_asked(vendor: FinnhubServer):
    InstrumentFactory(symbol="AAPL", exchange="SIMX", is_simulated=True)
    vendor.news = [article(1, "About another company", "https://news.example/1")]
    assert "No provider of news is configured" in news()
