"""Taking a tick of a live or simulated market: what the feed has now, stored before it is shown.

A tick is taken when something is new (a quote, or half a minute has gone by), while the exchange is in continuous
trading. The first tick of a session opens it; when the session is over one last tick at its last prices closes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.db import connection, transaction

from core.errors import NotFound
from marketdata.domain.feed import LiveQuote, at_of
from marketdata.domain.live import Before, Moment, quote_of
from marketdata.domain.splits import split_ratio
from marketdata.domain.types import ListingView, Quote, plain
from marketdata.locks import market_lock
from marketdata.models import CorporateAction, LiveBoard, LiveTick, Market
from marketdata.selectors import market_facts, timeline
from marketdata.selectors.facts import MarketFacts
from marketdata.selectors.history import listing_map, listings_seen
from marketdata.selectors.live import live_quotes
from marketdata.selectors.sessions import (
    MarketStatus,
    SessionView,
    band_for,
    market_status,
    session_containing,
    session_on,
)
from marketdata.selectors.timelines import names_changed
from marketdata.services.listings import symbols_change_in_tx

# With no new quote the clock still moves: orders end at their date, locks at their time.
QUIET_SECONDS = 30.0
# How long a session that has begun waits for its first quote.
FIRST_QUOTE_SECONDS = 30.0
CLOSING_SECONDS = 5.0

_BEFORE = """
SELECT DISTINCT ON (instrument_id) instrument_id, date, close, volume FROM marketdata_dailybar
WHERE instrument_id = ANY(%s) AND date < %s AND date >= %s ORDER BY instrument_id, date DESC
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A tick that is to be stored: when, of which session, and whether it opens or closes it."""

    at: datetime
    session: date
    opens: bool
    closes: bool


_before: dict[tuple[int, date], dict[int, Before]] = {}
_KEPT = 64


def due(
    market: Market,
    board: LiveBoard | None,
    found: Mapping[int, LiveQuote],
    now: datetime,
    session: SessionView | None,
    last: SessionView | None,
) -> Taken | None:
    """The tick to take now, if any. `session` is in force; `last` is the one of the market's last tick."""
    if board is not None and last is not None and not board.is_close and (session is None or session.date != last.date):
        # The last trades of a day are told a little after its close.
        over = session is not None or (now - last.closes_at).total_seconds() >= CLOSING_SECONDS
        return Taken(max(last.closes_at, market.tick_at or last.closes_at), last.date, False, True) if over else None
    if session is None:
        return None
    if board is None or board.session_date != session.date:
        waited = (now - session.opens_at).total_seconds() > FIRST_QUOTE_SECONDS
        fresh = any(at_of(item.at) >= session.opens_at for item in found.values())
        return Taken(now, session.date, True, False) if fresh or (waited and found) else None
    told = board.sequences
    news = any(told.get(str(ident)) != _sequence(item) for ident, item in found.items())
    quiet = (now - board.at).total_seconds() >= QUIET_SECONDS
    return Taken(now, session.date, False, False) if news or quiet else None


def _sequence(live: LiveQuote) -> int:
    return live.sequence or live.received


def live_tick_store(*, market_id: int, now: datetime | None = None) -> Market | None:
    """Take and commit the next tick of a running live market; None when nothing is due.

    `now` is the wall's time unless a test says otherwise: a live market's clock is the wall's.
    """
    facts = market_facts(market_id)
    views = list(listing_map(market_id).values())
    found = live_quotes([view.instrument_id for view in views])
    now = now or datetime.now(tz=UTC)
    session = session_containing(facts.exchange, now)
    with transaction.atomic(durable=True):
        market = market_lock(market_id)
        if market.status != Market.Status.RUNNING:
            return None
        board = LiveBoard.objects.filter(pk=market_id).first()
        last = session_on(facts.exchange, market.session_date) if market.session_date is not None else None
        taken = due(market, board, found, now, session, last)
        if taken is None:
            return None
        _store(facts, market, board, taken, found, market_status(facts.exchange, now))
    return market


def _store(
    facts: MarketFacts,
    market: Market,
    board: LiveBoard | None,
    taken: Taken,
    found: Mapping[int, LiveQuote],
    status: MarketStatus,
) -> None:
    market.tick += 1
    market.tick_at = max(taken.at, market.tick_at or taken.at)
    if taken.opens:
        market.session_date, market.session_tick = taken.session, market.tick
        market.day_index += 1
    _tick_row(market, taken)
    if taken.opens:
        names = names_changed(timeline(market.pk).actions(market.day_index))
        if names:
            symbols_change_in_tx(market=market, names=names)
            listings_seen(market.pk, market.listings_version)
    views = list(listing_map(market.pk).values())
    quotes = _quotes(facts, views, taken, market, found, halted=status.halt is not None)
    if taken.closes and board is not None:
        quotes = _closing(board, market.tick, quotes)
    kept = _keeps_prices(board, market, taken)
    LiveBoard.objects.update_or_create(
        pk=market.pk,
        defaults={
            "tick": market.tick,
            "at": market.tick_at,
            "session_date": taken.session,
            "session_tick": market.session_tick,
            "day_index": market.day_index,
            "is_close": taken.closes,
            "is_kept": kept,
            "quotes": [quote.to_json() for quote in quotes],
            "sequences": {str(ident): _sequence(item) for ident, item in found.items()},
        },
    )
    if kept:
        prices = {str(quote.listing_id): plain(quote.last) for quote in quotes}
        LiveTick.objects.filter(market_id=market.pk, index=market.tick).update(prices=prices)
    market.save(
        update_fields=["tick", "tick_at", "session_date", "session_tick", "day_index", "listings_version"],
    )


def _keeps_prices(board: LiveBoard | None, market: Market, taken: Taken) -> bool:
    """The first tick of a session and of each minute, and the last."""
    if board is None or taken.opens or taken.closes:
        return True
    return market.tick_at is not None and market.tick_at.replace(second=0, microsecond=0) > board.at


def _tick_row(market: Market, taken: Taken) -> None:
    """The tick's time and session; its prices, where they are kept, follow when they are made."""
    LiveTick.objects.create(
        market_id=market.pk,
        index=market.tick,
        at=market.tick_at or taken.at,
        session_date=taken.session,
        session_tick=market.session_tick,
        day_index=market.day_index,
        is_close=taken.closes,
    )


def _quotes(
    facts: MarketFacts,
    views: list[ListingView],
    taken: Taken,
    market: Market,
    found: Mapping[int, LiveQuote],
    *,
    halted: bool,
) -> list[Quote]:
    definition = facts.live
    assert definition is not None
    before = _sessions_before(market.pk, views, taken.session)
    moment = Moment(market.tick, taken.session, taken.opens, taken.closes, halted)
    made = []
    for view in views:
        live = found.get(view.instrument_id)
        if live is not None and (not taken.closes or live.session == taken.session):
            quote = quote_of(live, view, before.get(view.instrument_id, _NOTHING), moment, definition, facts.overlay)
            if quote is not None:
                made.append(quote)
    return made


def _closing(board: LiveBoard, tick: int, quotes: list[Quote]) -> list[Quote]:
    """The session's last quotes: the feed's own of that day, else those of the tick before."""
    known = {quote.listing_id for quote in quotes}
    rest = (Quote.from_json(item) for item in board.quotes if item["listing_id"] not in known)
    return [*quotes, *(replace(quote, tick=tick, is_open_print=False, is_close_print=True) for quote in rest)]


_NOTHING = Before()


def _sessions_before(market_id: int, views: list[ListingView], session: date) -> dict[int, Before]:
    """Close (in today's shares) and volume of the session before, by instrument, and its band; read once a session."""
    key = market_id, session
    if key in _before:
        return _before[key]
    ids = [view.instrument_id for view in views]
    bands = {view.instrument_id: _band(view, session) for view in views}
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, [ids, session, session - timedelta(days=15)])
        rows = cursor.fetchall()
    splits: dict[int, list[tuple[date, Decimal]]] = {}
    actions = CorporateAction.objects.filter(instrument_id__in=ids, kind="split", ex_date__lte=session)
    for ident, day, value in actions.filter(ex_date__gt=session - timedelta(days=20)).values_list(
        "instrument_id", "ex_date", "value"
    ):
        splits.setdefault(ident, []).append((day, value))
    found = {}
    for ident, day, close, volume in rows:
        ratio: Fraction = split_ratio(splits.get(ident, []), day, session)
        up, down = ratio.numerator, ratio.denominator
        found[ident] = Before(close * up / down, volume * down // up, bands[ident])
    if len(_before) > _KEPT:
        _before.clear()
    _before[key] = found
    return found


def _band(view: ListingView, session: date) -> Decimal | None:
    """The exchange's daily price band of an instrument, where it has one and is known."""
    try:
        rule = band_for(view.exchange, session, view.instrument_id, view.segment, kinds=("daily",))
    except NotFound:
        return None
    return None if rule is None else rule.percent


def live_forget() -> None:
    """Forget what this process keeps of sessions before (tests; after history has been loaded)."""
    _before.clear()


def live_ticks_prune(*, before: datetime) -> int:
    """Drop the ticks from before a time that keep no prices; how many went. Openings and closes stay for good."""
    rows = LiveTick.objects.filter(at__lt=before, is_close=False, prices__isnull=True)
    return rows.delete()[0]
