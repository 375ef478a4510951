"""Making a market and moving it through its states."""

from datetime import date

import pytest

from accounts.services.users import user_create
from core.errors import Conflict, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from marketdata import selectors
from marketdata.domain import ports
from marketdata.models import Listing, Market
from marketdata.services import markets
from marketdata.tests.factories import InstrumentFactory, bars_create, replay_market

pytestmark = pytest.mark.django_db


def make(**definition):
    base = {"start": "2024-01-08", "end": "2024-01-12", "symbols": ["AAA"], "warmup_days": 0}
    return markets.market_create_replay(actor=None, slug="m", name="M", definition={**base, **definition})


def stock(symbol="AAA", **more):
    row = InstrumentFactory(symbol=symbol, **more)
    bars_create(row, [(100, 101, 99, 100)] * 5)
    return row


def test_create_records_who_and_what():
    actor = user_create(email="a@example.com", password="a long enough pass", display_name="Ann")
    stock()
    market = markets.market_create_replay(
        actor=actor,
        slug="m",
        name="M",
        definition={"start": "2024-01-08", "end": "2024-01-12", "symbols": ["aaa"], "warmup_days": 0},
    )
    row = Market.objects.get(pk=market.id)
    assert (row.created_by_id, row.days_total, row.status, row.tick) == (actor.pk, 5, "idle", -1)
    assert row.source_label == "Test bars"
    assert not row.is_simulated
    entry = AuditEntry.objects.get(action="market.create")
    assert (entry.actor_id, entry.subject_id, entry.after) == (actor.pk, str(market.id), row.definition)


def test_simulated_instruments_label_the_market():
    stock(is_simulated=True)
    market = make()
    assert market.is_simulated
    assert market.source_label == "SIMULATED history"
    assert selectors.market_clock(market.id).is_simulated


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ({"symbols": ["NONE"]}, "unknown_symbol"),
        ({"symbols": ["AAA", "EUR"]}, "fx_missing"),
        ({"symbols": ["AAA", "EUR"], "mask": True}, "mixed_currencies"),
        ({"start": "2025-01-06", "end": "2025-01-10"}, "history_missing"),
        ({"start": "2024-01-05", "end": "2024-01-12", "symbols": ["AAA", "LATE"]}, "history_missing"),
        ({"start": "x"}, "invalid_definition"),
    ],
)
def test_create_refuses(definition, code):
    stock()
    stock("EUR", currency="EUR")
    bars_create(InstrumentFactory(symbol="LATE"), [(1, 1, 1, 1)], start=date(2024, 1, 12))
    with pytest.raises(Invalid) as refused:
        make(**definition)
    assert refused.value.code == code
    assert not Market.objects.exists()
    assert not Listing.objects.exists()


def test_slug_is_taken_once():
    stock()
    make()
    with pytest.raises(Conflict) as refused:
        make()
    assert refused.value.code == "market_exists"


@pytest.mark.parametrize(
    ("slug", "name"), [("Not A Slug", "M"), ("", "M"), ("a" * 81, "M"), ("m", " "), ("m", "n" * 121)]
)
def test_slug_and_name_are_checked(slug, name):
    stock()
    definition = {"start": "2024-01-08", "end": "2024-01-12", "symbols": ["AAA"]}
    with pytest.raises(Invalid) as refused:
        markets.market_create_replay(actor=None, slug=slug, name=name, definition=definition)
    assert refused.value.code in {"invalid_slug", "invalid_name"}


def test_an_inactive_instrument_is_not_played():
    stock(is_active=False)
    with pytest.raises(Invalid) as refused:
        make()
    assert refused.value.code == "unknown_symbol"


def test_states():
    market = replay_market(running=False)
    with pytest.raises(Conflict) as refused:
        markets.market_pause(actor=None, market_id=market.id)
    assert refused.value.code == "market_state"
    for change, status in (
        (markets.market_start, "running"),
        (markets.market_start, "running"),
        (markets.market_pause, "paused"),
        (markets.market_resume, "running"),
        (markets.market_end, "ended"),
        (markets.market_end, "ended"),
    ):
        assert change(actor=None, market_id=market.id, reason="test").status == status
    topics = OutboxEvent.objects.filter(aggregate=f"market:{market.id}").order_by("id").values_list("topic", flat=True)
    assert list(topics) == [f"marketdata.market_{word}" for word in ("started", "paused", "resumed", "ended")]
    with pytest.raises(Conflict):
        markets.market_start(actor=None, market_id=market.id)
    with pytest.raises(NotFound):
        markets.market_start(actor=None, market_id=10**9)


def test_composed_changes_show_on_commit(django_capture_on_commit_callbacks):
    market = replay_market(running=False)
    with django_capture_on_commit_callbacks(execute=True):
        assert markets.market_start_in_tx(actor=None, market_id=market.id).status == "running"
    assert selectors.market_clock(market.id).status == "running"


def test_masked_listings_say_nothing():
    market = replay_market(mask=True, seed=4)
    for listing in selectors.listings(market.id):
        assert listing.symbol in {"ALFA", "BRVO"}
        assert listing.sector == ""
        assert "AAA" not in listing.name + listing.symbol
        assert "BBB" not in listing.name + listing.symbol
    assert selectors.market_clock(market.id).session_date == date(2001, 1, 1)
    assert {quote.symbol for quote in selectors.quotes_all(market.id).values()} <= {"ALFA", "BRVO"}


def test_listing_is_kept_in_the_process(django_assert_num_queries):
    market = replay_market()
    assert selectors.listing_get(market.id, "AAA").symbol == "AAA"
    with django_assert_num_queries(0):
        assert selectors.listing_get(market.id, "AAA").tick_size.as_tuple().exponent == -2
        assert selectors.listing_get(market.id, "NONE") is None


def test_a_quote_costs_no_query(django_assert_num_queries):
    market = replay_market(ticks=1)
    with django_assert_num_queries(0):
        quote, clock = selectors.quote_and_clock(market.id, "AAA")
        assert quote.tick == clock.tick == 0
        assert selectors.quote_get(market.id, "@") is None
        assert selectors.quote_get(market.id, "NONE") is None


def test_default_market(monkeypatch):
    monkeypatch.setattr(ports, "_default_market", [])
    assert selectors.default_market() is None
    first = replay_market()
    second = replay_market(running=False)
    assert selectors.default_market() == first.id
    ports.register_default_market(lambda: second.id)
    assert selectors.default_market() == second.id
    ports.register_default_market(lambda: None)
    markets.market_end(actor=None, market_id=first.id)
    assert selectors.default_market() == second.id


def test_unknown_market_and_symbol():
    market = replay_market()
    for call in (
        lambda: selectors.market_clock(10**9),
        lambda: selectors.quotes_all(10**9),
        lambda: selectors.market_by_slug("nowhere"),
        lambda: selectors.bars(10**9, "AAA", 5),
    ):
        with pytest.raises(NotFound) as refused:
            call()
        assert refused.value.code == "unknown_market"
    with pytest.raises(NotFound) as refused:
        selectors.bars(market.id, "NONE", 5)
    assert refused.value.code == "unknown_symbol"
