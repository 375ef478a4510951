"""Which instruments the feed follows: those of running live markets, the pool, what is watched, what is on lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from marketdata.domain.feed import at_of, micro_of
from marketdata.domain.live_state import SessionSpan
from marketdata.models import Instrument, Listing, Market, WatchlistItem
from marketdata.selectors.prices import is_live_public
from marketdata.selectors.sessions import session_before, session_containing
from marketdata.services.feed.engine import Followed

MOST = 5_000
SIMULATED = "SIMX"


def followed(watched: set[int]) -> tuple[list[Followed], list[Followed]]:
    """(real, simulated) instruments in use, the most wanted first: live markets, the pool, watched, on lists.

    Of the simulated exchange all are followed: drawing them costs nothing that a vendor would charge for.
    """
    running = Listing.objects.filter(market__status=Market.Status.RUNNING).exclude(market__kind=Market.Kind.REPLAY)
    listed = list(running.order_by("market_id", "position").values_list("instrument_id", flat=True))
    pool = Instrument.objects.filter(symbol__in=[symbol.upper() for symbol in settings.STOCK_POOL], is_simulated=False)
    lists = WatchlistItem.objects.order_by("instrument_id").values_list("instrument_id", flat=True).distinct()[:MOST]
    order = list(dict.fromkeys([*listed, *pool.values_list("id", flat=True), *sorted(watched), *lists]))
    place = {ident: number for number, ident in enumerate(order)}
    rows = Instrument.objects.filter(is_active=True).filter(Q(pk__in=order) | Q(exchange=SIMULATED, is_simulated=True))
    found = [Followed(row.pk, row.symbol, row.exchange, row.is_simulated) for row in rows]
    found.sort(key=lambda item: (place.get(item.id, len(place)), item.id))
    real = [item for item in found if not item.is_simulated][:MOST]
    simulated = [item for item in found if item.is_simulated and item.exchange == SIMULATED][:MOST]
    return real, simulated


def public(watched: set[int]) -> set[int]:
    """Those of the watched whose live prices anyone may be shown: the others are not told to browsers."""
    if not watched:
        return set()
    today = datetime.now(tz=UTC).date()
    rows = Instrument.objects.filter(pk__in=watched).values_list("pk", "exchange")
    return {pk for pk, exchange in rows if is_live_public(exchange, today)}


def span_of(exchange: str, now: datetime) -> tuple[SessionSpan | None, bool]:
    """The session in force, else the last one: what is told a little after its close still belongs to it.

    The second value says whether it is in force.
    """
    session = session_containing(exchange, now)
    is_open = session is not None
    if session is None:
        session = session_before(exchange, now)
    if session is None:
        return None, False
    return SessionSpan(session.date, micro_of(session.opens_at), micro_of(session.closes_at)), is_open


def date_before(exchange: str, span: SessionSpan) -> date | None:
    """The date of the session before one."""
    session = session_before(exchange, at_of(span.opens))
    return None if session is None else session.date


def just_opened(span: SessionSpan, now: datetime) -> bool:
    """Whether a session has begun so lately that a stream may still have nothing to say."""
    return now - datetime.fromtimestamp(span.opens / 1_000_000, tz=UTC) < timedelta(seconds=60)
