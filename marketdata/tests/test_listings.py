"""What changes about listings while a market runs: halts, bands, sizes, symbols, delistings."""

import json
from decimal import Decimal

import pytest

from core.errors import Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.redis import client
from marketdata import selectors
from marketdata.adapters import board
from marketdata.domain import ports
from marketdata.domain.overlay import band
from marketdata.domain.types import Quote
from marketdata.models import Listing
from marketdata.services import listings, ticks
from marketdata.tests.factories import advance, replay_market

pytestmark = pytest.mark.django_db
SPLIT = {"AAA": [("split", 2, 2), ("dividend", 3, "0.5")]}
HALVED = {"AAA": [(100, 104, 98, 102), (102, 106, 101, 104), (52, 53, 50, 51), (50, 52, 49, 51)]}


@pytest.fixture(autouse=True)
def _own_ports(monkeypatch):
    monkeypatch.setattr(ports, "_listeners", {})
    monkeypatch.setattr(ports, "_gates", {})


def listing(market, symbol="AAA"):
    return selectors.listing_get(market.id, symbol)


def events(market, name):
    return [json.loads(fields["d"]) for _, fields in client().xrange(f"sse:market:{market.id}") if fields["e"] == name]


def test_a_halt_is_on_the_board_at_once_and_on_each_tick(django_capture_on_commit_callbacks):
    market, seen = replay_market(ticks=1), []
    ports.register_tick_listener(1, "look", lambda _, tick: seen.append(tick.quotes["AAA"].halted))
    with django_capture_on_commit_callbacks(execute=True):
        assert listings.listing_halt(actor=None, listing_id=listing(market).id, reason="news pending").is_halted
        advance(market.id)
    assert selectors.quote_get(market.id, "AAA").halted
    assert not selectors.quote_get(market.id, "BBB").halted
    assert listing(market).is_halted
    row = Listing.objects.get(pk=listing(market).id)
    assert (row.halt_reason, row.halted_at is not None) == ("news pending", True)
    board.board_drop(market.id)
    assert selectors.quote_get(market.id, "AAA").halted
    with django_capture_on_commit_callbacks(execute=True):
        listings.listing_resume(actor=None, listing_id=row.pk, reason="news are out")
        assert not selectors.quote_get(market.id, "AAA").halted
        advance(market.id)
    assert seen == [True, False]
    assert [(event["symbol"], event["halted"]) for event in events(market, "halt")] == [("AAA", True), ("AAA", False)]
    assert [event.get("halted") for event in events(market, "tick")[-2:]] == [["AAA"], None]


def test_halts_are_audited_told_and_idempotent():
    market = replay_market(ticks=1)
    ident = listing(market).id
    for _ in range(2):
        listings.listing_halt(actor=None, listing_id=ident, reason="bad data")
    listings.listing_resume(actor=None, listing_id=ident, reason="mended")
    listings.listing_resume(actor=None, listing_id=ident, reason="mended")
    entries = AuditEntry.objects.filter(subject_type="listing").order_by("id")
    assert list(entries.values_list("action", "reason")) == [("listing.halt", "bad data"), ("listing.resume", "mended")]
    told = OutboxEvent.objects.filter(topic__startswith="marketdata.listing").order_by("id")
    assert list(told.values_list("topic", flat=True)) == ["marketdata.listing_halted", "marketdata.listing_resumed"]
    assert told[0].payload == {"market_id": market.id, "listing_id": ident, "symbol": "AAA", "tick": 0}
    with pytest.raises(Invalid):
        listings.listing_halt(actor=None, listing_id=ident, reason=" ")
    with pytest.raises(NotFound):
        listings.listing_halt(actor=None, listing_id=10**9, reason="x")


def test_a_halt_of_another_process_is_noticed_with_the_next_look_at_the_board():
    market = replay_market(ticks=1)
    assert not listing(market).is_halted
    kept = selectors.history.listings_of(market.id)
    listings.listing_halt(actor=None, listing_id=listing(market).id, reason="x")
    selectors.history._listings[market.id] = kept  # what another process still keeps
    assert not listing(market).is_halted
    selectors.quote_get(market.id, "BBB")
    assert listing(market).is_halted


def test_a_halt_that_commits_while_a_tick_is_shown_is_not_lost(monkeypatch):
    market = replay_market(ticks=1)
    write, done = board.board_write, []

    def halt_meanwhile(clock, quotes):
        if clock.tick == 1 and not done:
            done.append(True)
            listings.listing_halt(actor=None, listing_id=listing(market).id, reason="x")
        write(clock, quotes)

    monkeypatch.setattr("marketdata.services.publish.board_write", halt_meanwhile)
    advance(market.id)
    assert selectors.quote_get(market.id, "AAA").halted
    assert selectors.market_clock(market.id).tick == 1


def test_bands_are_of_the_previous_close_rounded_inward():
    market = replay_market(warmup=1, ticks=1, venue={"band_pct": "10"})
    quote = selectors.quote_get(market.id, "AAA")
    assert (quote.previous_close, quote.band_low, quote.band_high) == (102, Decimal("91.80"), Decimal("112.20"))
    assert band(Decimal("10.05"), Decimal("5"), Decimal("0.05")) == (Decimal("9.55"), Decimal("10.55"))
    assert selectors.market_view(market.id).venue == {"band_pct": "10"}
    assert replay_market(ticks=1).venue == {}
    assert selectors.quote_get(replay_market(ticks=1).id, "AAA").band_low is None


@pytest.mark.parametrize("venue", [{"band_pct": "x"}, {"band_pct": 100}, {"band_pct": True}, {"sizes": "yes"}])
def test_a_venue_that_cannot_be_read_is_refused(venue):
    with pytest.raises(Invalid) as refused:
        replay_market(venue=venue)
    assert refused.value.code == "invalid_venue"
    assert refused.value.details == {"field": next(iter(venue))}


def test_sizes_are_modelled_from_the_volume_and_the_same_every_time():
    twins = [replay_market(warmup=1, venue={"sizes": True}, seed=7, volume=1_000_000) for _ in range(2)]
    other = replay_market(warmup=1, venue={"sizes": True}, seed=8)
    shown = []
    for market in (*twins, other):
        played = [advance(market.id) for _ in range(16)]
        shown.append([(q.bid_size, q.ask_size) for tick in played for q in tick.quotes.values()])
    assert shown[0] == shown[1] != shown[2]
    flat = [size for pair in shown[0] for size in pair]
    assert all(
        12_500 <= size <= 37_500 and size == int(size) for size in flat
    )  # 1,000,000 / 4 / 10, half to one and a half
    assert len(set(flat)) > 50
    first = advance(replay_market(venue={"sizes": True}).id)
    assert first.quotes["AAA"].bid_size is None  # no session has been completed


def test_a_split_takes_effect_on_the_tick_and_comes_again_when_it_is_resumed():
    market, seen = replay_market(HALVED, warmup=1, actions=SPLIT, basis="traded"), []
    ports.register_tick_listener(1, "look", lambda _, tick: seen.append([a.kind for a in tick.actions]))
    advance(market.id, 5)
    assert seen == [[]] * 4 + [["split"]]
    ticks.forget_process_state()
    ticks.tick_resume(market_id=market.id)
    assert seen[-1] == ["split"]
    quote = selectors.quote_get(market.id, "AAA")
    assert (quote.last, quote.previous_close, quote.change_pct) == (52, 52, 0)
    assert selectors.bars(market.id, "AAA", 9)[0].close == 51
    assert selectors.bars(market.id, "AAA", 9, adjusted=False)[0].close == 102
    advance(market.id, 4)
    assert seen[6:] == [[], [], [], ["dividend"]]


def test_the_push_tells_the_actions(django_capture_on_commit_callbacks):
    market = replay_market(HALVED, warmup=1, actions=SPLIT, basis="traded")
    with django_capture_on_commit_callbacks(execute=True):
        advance(market.id, 6)
    told = [event.get("actions") for event in events(market, "tick")]
    assert [bool(actions) for actions in told] == [False] * 4 + [True, False]
    ident = listing(market).id
    [action] = told[4]
    assert action == {
        "kind": "split",
        "listing_id": ident,
        "symbol": "AAA",
        "value": "2.00000000",
        "ex_date": "2024-01-10",
        "new_symbol": "",
    }


def test_a_change_of_symbol_keeps_the_row_and_the_old_symbol_finds_it():
    market = replay_market(actions={"AAA": [("symbol_change", 1, 0, "ZZZ")]}, ticks=4)
    before = listing(market)
    kept = selectors.history.listings_of(market.id)
    assert listing(market, "ZZZ") is None
    tick = advance(market.id)
    selectors.history._listings[market.id] = kept
    assert [action.new_symbol for action in tick.actions] == ["ZZZ"]
    assert set(selectors.quotes_all(market.id)) == {"ZZZ", "BBB"}
    after = listing(market, "ZZZ")
    assert (after.id, after.former_symbols) == (before.id, ("AAA",))
    assert listing(market, "AAA") == after
    assert selectors.quote_get(market.id, "AAA").symbol == "ZZZ"
    assert selectors.bars(market.id, "AAA", 9) == selectors.bars(market.id, "ZZZ", 9)
    assert Listing.objects.get(pk=before.id).symbol == "ZZZ"
    board.board_drop(market.id)
    assert selectors.quote_get(market.id, "AAA").symbol == "ZZZ"
    advance(market.id, 5)
    assert AuditEntry.objects.filter(action="listing.symbol_change").count() == 1
    later = replay_market(warmup=3)
    assert [item.symbol for item in selectors.listings(later.id)] == ["ZZZ", "BBB"]
    masked = replay_market(mask=True, ticks=5)
    assert {item.symbol for item in selectors.listings(masked.id)} == {"ALFA", "BRVO"}


def test_swapped_symbols():
    market = replay_market(
        actions={"AAA": [("symbol_change", 1, 0, "BBB")], "BBB": [("symbol_change", 1, 0, "AAA")]}, ticks=4
    )
    before = {item.symbol: item.id for item in selectors.listings(market.id)}
    advance(market.id)
    assert {item.symbol: item.id for item in selectors.listings(market.id)} == {
        "AAA": before["BBB"],
        "BBB": before["AAA"],
    }
    assert selectors.quote_get(market.id, "AAA").last == 50


def test_a_delisted_listing_leaves_the_board():
    market = replay_market(actions={"BBB": [("delisting", 2, 0)]}, ticks=8)
    assert set(selectors.quotes_all(market.id)) == {"AAA", "BBB"}
    tick = advance(market.id)
    assert [(action.kind, action.value) for action in tick.actions] == [("delisting", Decimal("49.00"))]
    assert set(selectors.quotes_all(market.id)) == {"AAA"}
    assert selectors.quote_get(market.id, "BBB") is None
    assert listing(market, "BBB") is not None
    assert len(selectors.bars(market.id, "BBB", 99)) == 2
    assert selectors.closes_matrix(market.id, 5)[0] == ("AAA",)
    assert len(selectors.metrics(market.id, 2)) == 1


def test_quotes_from_before_a_field_was_added_are_read():
    market = replay_market(ticks=1)
    new = selectors.quote_get(market.id, "AAA")
    old = {name: value for name, value in new.to_json().items() if name not in ("halted", "band_low", "bid_size")}
    assert Quote.from_json(old) == new == Quote.from_json(new.to_json())
    full = {**new.to_json(), "band_low": "1.5", "bid_size": "300", "halted": True}
    assert Quote.from_json(full).to_json() == full


def test_adjusted_a_market_plays_no_split():
    market = replay_market(HALVED, warmup=1, actions=SPLIT, ticks=4)
    assert advance(market.id).actions == ()
    assert selectors.quote_get(market.id, "AAA").last == 104
    assert [(action.kind, action.value) for action in advance(market.id, 4).actions] == [("dividend", 1)]
