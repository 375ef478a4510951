"""Reads about markets: views, clocks, the default one."""

from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import QuerySet
from redis.exceptions import RedisError

from core.errors import NotFound
from marketdata.adapters import board
from marketdata.domain.overlay import Overlay, overlaid
from marketdata.domain.ports import default_market_choice
from marketdata.domain.replay import PRINTS, day_of
from marketdata.domain.types import MarketClock, MarketView, Quote, Tick
from marketdata.models import Market
from marketdata.selectors.facts import market_facts
from marketdata.selectors.history import listing_map, listings_seen, market_slice
from marketdata.selectors.live_markets import live_clock, live_tick
from marketdata.selectors.sessions import MarketStatus, market_status


def view_of(market: Market) -> MarketView:
    """A row as other apps see it."""
    return MarketView(
        id=market.pk,
        slug=market.slug,
        name=market.name,
        kind=market.kind,
        status=market.status,
        currency=market.currency,
        tick=market.tick,
        ticks_total=market.days_total * int(market.definition.get("prints", PRINTS)),
        days_total=market.days_total,
        seconds_per_tick=Decimal(str(market.definition.get("seconds_per_tick", "5"))),
        is_masked=bool(market.definition.get("mask", False)),
        is_simulated=market.is_simulated,
        source_label=market.source_label,
        venue=market.venue,
    )


def clock_of(market: Market) -> MarketClock:
    """The clock of a row, published now."""
    if market.kind != Market.Kind.REPLAY:
        return live_clock(market)
    table = market_slice(market.pk)
    return MarketClock(
        market_id=market.pk,
        slug=market.slug,
        kind=market.kind,
        status=market.status,
        tick=market.tick,
        at=table.at(market.tick),
        day_index=day_of(market.tick, table.prints),
        days_total=table.days_total,
        phase=table.phase(market.tick),
        ticks_total=table.ticks_total,
        session_date=table.session(market.tick),
        source_label=market.source_label,
        is_simulated=market.is_simulated,
        wall=datetime.now(tz=UTC),
        listings_version=market.listings_version,
    )


def tick_of(market: Market) -> Tick:
    """The tick in force of a market that has begun, as shown: the history's prices with halts, bands and sizes."""
    if market.kind != Market.Kind.REPLAY:
        return live_tick(market)
    listings_seen(market.pk, market.listings_version)
    table = market_slice(market.pk)
    listings = {view.id: view for view in listing_map(market.pk).values()}
    return overlaid(
        table.tick(market.tick, market.source_label),
        Overlay.of(market.venue, int(market.definition.get("seed", 0))),
        listings,
        prints=table.prints,
        has_volume=table.completed_rows(market.tick) > 0,
    )


def quotes_of(market: Market) -> dict[str, Quote]:
    """The quotes of the tick in force; none before the first."""
    return tick_of(market).quotes if market.tick >= 0 else {}


def market_row(market_id: int) -> Market:
    """The row; raises NotFound."""
    market = Market.objects.filter(pk=market_id).first()
    if market is None:
        raise NotFound("unknown_market", "There is no such market.", {"market": market_id})
    return market


def session_now(market_id: int) -> MarketStatus | None:
    """Whether the exchange of a live or simulated market trades now, and when it opens; None for a replay."""
    facts = market_facts(market_id)
    if facts.is_replay:
        return None
    return market_status(facts.exchange, datetime.now(tz=UTC))


def last_tick(market_id: int) -> Tick | None:
    """The tick in force as stored; None before the first."""
    market = market_row(market_id)
    return tick_of(market) if market.tick >= 0 else None


def market_state(market_id: int) -> tuple[int, str, int] | None:
    """(tick, status, listings_version) as stored."""
    return Market.objects.filter(pk=market_id).values_list("tick", "status", "listings_version").first()


def market_view(market_id: int) -> MarketView:
    """A market by id; raises NotFound."""
    return view_of(market_row(market_id))


def market_by_slug(slug: str) -> MarketView:
    """A market by slug; raises NotFound."""
    market = Market.objects.filter(slug=slug).first()
    if market is None:
        raise NotFound("unknown_market", "There is no such market.", {"market": slug[:80]})
    return view_of(market)


def markets_query() -> QuerySet[Market]:
    """The newest markets first; `view_of` shows a row."""
    return Market.objects.order_by("-id")


def running_markets() -> list[int]:
    """Markets that a market process has to advance."""
    return list(Market.objects.filter(status=Market.Status.RUNNING).order_by("id").values_list("id", flat=True))


def default_market() -> int | None:
    """The market used when none is named: the registered choice, else the newest running one, else the newest."""
    chosen = default_market_choice()
    if chosen is not None:
        return chosen
    rows = Market.objects.order_by("-id").values_list("id", flat=True)
    return rows.filter(status=Market.Status.RUNNING).first() or rows.first()


def market_clock(market_id: int) -> MarketClock:
    """Where the market stands, from the board or, without one, from the database."""
    try:
        clock = board.board_clock(market_id)
    except RedisError:
        clock = None
    if clock is None:
        return clock_of(market_row(market_id))
    listings_seen(market_id, clock.listings_version)
    return clock
