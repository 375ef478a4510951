"""Whether an exchange is open, its sessions, price grids, bands and policies. No query while nothing changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from core.errors import Invalid
from marketdata.domain.session_calendar import ExchangeView, SessionView
from marketdata.domain.sessions import MarketStatus, status_of
from marketdata.models import PriceBandRule
from marketdata.selectors.exchange_rows import (
    AROUND_DAYS,
    Row,
    calendar_around,
    exchange_view,
    exchanges_known,
    range_read,
    rules_of,
    sessions_forget,
    sessions_read,
)

__all__ = [
    "BandView",
    "ExchangeView",
    "MarketStatus",
    "PolicyView",
    "SessionView",
    "band_for",
    "exchange_view",
    "exchanges",
    "market_status",
    "policy_for",
    "session_before",
    "session_containing",
    "session_on",
    "sessions_between",
    "sessions_forget",
    "tick_size_for",
]

MAX_DAYS = 20_000
DAILY_BANDS = (PriceBandRule.Kind.DAILY, PriceBandRule.Kind.DYNAMIC)


@dataclass(frozen=True, slots=True)
class BandView:
    """How far a price may move, in percent; `kind` says of what (marketdata.models.PriceBandRule.Kind)."""

    kind: str
    percent: Decimal
    segment: str
    price_from: Decimal
    instrument_id: int | None


@dataclass(frozen=True, slots=True)
class PolicyView:
    """What an exchange's prices may be used for."""

    exchange: str
    allows_money: bool
    lag_minutes: int
    live_by: str
    reason: str
    valid_from: date


def exchanges(*, primary: bool = False) -> list[ExchangeView]:
    """All exchanges by code, or only those that follow no other."""
    return [view for view in exchanges_known().values() if not primary or view.calendar == view.code]


def market_status(exchange: str, at: datetime, *, segment: str = "", instrument_id: int | None = None) -> MarketStatus:
    """Whether an exchange is open at a time, for instruments of a segment; with an id, its own halts count too.

    Raises NotFound `unknown_exchange`, and Invalid when the time has no zone.
    """
    if at.tzinfo is None:
        raise Invalid("bad_request", "The time needs a zone.", {"field": "at"})
    return status_of(calendar_around(exchange, at.date()), at, segment, instrument_id=instrument_id)


def session_on(exchange: str, day: date) -> SessionView | None:
    """The exchange's session of a trade date; None when it is closed, or not known to be open."""
    return calendar_around(exchange, day).session_on(day)


def session_containing(exchange: str, at: datetime) -> SessionView | None:
    """The session whose [opens_at, closes_at) holds a time."""
    return calendar_around(exchange, at.date()).session_containing(at)


def session_before(exchange: str, at: datetime) -> SessionView | None:
    """The last session that was over at a time: the one that a previous close is of."""
    return calendar_around(exchange, at.date()).session_before(at)


def sessions_between(exchange: str, first: date, last: date) -> list[SessionView]:
    """The sessions from `first` to `last`, both included; raises Invalid for more than 20,000 days.

    Up to 400 days come from the process's memory, more from the database.
    """
    if (last - first).days > MAX_DAYS:
        raise Invalid("range_too_long", f"Ask for {MAX_DAYS} days at most.", {"field": "last"})
    view = exchange_view(exchange)
    if view.is_always_open or (last - first).days <= AROUND_DAYS:
        calendar = calendar_around(exchange, first)
        days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
        return [found for day in days if (found := calendar.session_on(day)) is not None]
    known = range_read(view)
    return [] if known is None else list(sessions_read(view, max(first, known[0]), min(last, known[1])))


def tick_size_for(exchange: str, price: Decimal, on: date) -> Decimal | None:
    """The price grid of an exchange at a price on a day; None when it has no rule of its own."""
    rows = _own([row for row in rules_of(exchange).ticks if _holds(row.valid_from, row.valid_to, on)])
    return next((row.tick_size for row in reversed(rows) if row.price_from <= price), None)


def band_for(
    exchange: str,
    on: date,
    instrument_id: int | None = None,
    segment: str = "",
    *,
    kinds: Iterable[str] = DAILY_BANDS,
    price: Decimal | None = None,
) -> BandView | None:
    """The price band of an instrument on a day: its own, else its segment's, else the exchange's; None: no band.

    Of each the row with the highest `price_from` at or below `price` counts (without a price: the highest). By default
    the day's bands are looked for; name other kinds for auctions and for limit up, limit down.
    """
    wanted = set(kinds)
    valid = [row for row in rules_of(exchange).bands if row.kind in wanted and _holds(row.valid_from, row.valid_to, on)]
    scopes = [[row for row in valid if row.instrument_id is None and row.segment == name] for name in (segment, "")]
    if instrument_id is not None:
        scopes.insert(0, [row for row in valid if row.instrument_id == instrument_id])
    for scope in scopes:
        rows = [row for row in _own(scope) if price is None or row.price_from <= price]
        if rows:
            row = max(rows, key=lambda item: (item.price_from, item.valid_from, item.pk))
            return BandView(row.kind, row.percent, row.segment, row.price_from, row.instrument_id)
    return None


def policy_for(exchange: str, on: date) -> PolicyView | None:
    """What an exchange's prices may be used for on a day; None when nobody has said."""
    found = next((row for row in rules_of(exchange).policies if row.valid_from <= on), None)
    if found is None:
        return None
    return PolicyView(
        found.exchange_id, found.allows_money, found.lag_minutes, found.live_by, found.reason, found.valid_from
    )


def _holds(valid_from: date, valid_to: date | None, on: date) -> bool:
    return valid_from <= on and (valid_to is None or on <= valid_to)


def _own(rows: list[Row]) -> list[Row]:
    """The rows of the nearest exchange that has any."""
    return [row for row in rows if row.exchange_id == rows[0].exchange_id]
