"""The last price of instruments, whoever's it is: the feed's, or the close of the last day that may be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from django.db import connection

from core.errors import Invalid, NotFound
from marketdata.domain.feed import LiveQuote, at_of, price_of
from marketdata.domain.quote_event import quote_price
from marketdata.models import Instrument
from marketdata.selectors.horizon import horizons
from marketdata.selectors.live import live_quotes
from marketdata.selectors.sessions import policy_for

MAX_PRICES = 500
ANYONE = "anyone"
_PLACES = Decimal("0.000001")
_DAYS = """
SELECT wanted.id, last.date, last.open, last.high, last.low, last.close, last.volume, prev.close,
    (SELECT array_agg(value) FROM marketdata_corporateaction
     WHERE instrument_id = wanted.id AND kind = 'split' AND ex_date > prev.date AND ex_date <= last.date), series.source
FROM unnest(%s::bigint[], %s::date[]) AS wanted(id, hidden)
JOIN LATERAL (
    SELECT * FROM marketdata_dailybar WHERE instrument_id = wanted.id AND date < coalesce(wanted.hidden, 'infinity')
    ORDER BY date DESC LIMIT 1) last ON true
LEFT JOIN LATERAL (
    SELECT date, close FROM marketdata_dailybar WHERE instrument_id = wanted.id AND date < last.date
    ORDER BY date DESC LIMIT 1) prev ON true
LEFT JOIN marketdata_barseries series ON series.instrument_id = wanted.id
"""


@dataclass(frozen=True, slots=True)
class InstrumentPrice:
    """What an instrument last cost. `source` names who says so, `at` when (a closing price: the day's end, in UTC).

    `is_live`: of the feed; `received` is then when it came. `previous_close` is in the same shares. None: not known.
    """

    instrument_id: int
    last: Decimal
    session: date
    at: datetime
    source: str
    is_live: bool
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: int = 0
    previous_close: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    received: datetime | None = None
    halted: bool = False

    @property
    def change(self) -> Decimal | None:
        """From the previous close, in money."""
        return None if self.previous_close is None else self.last - self.previous_close

    @property
    def change_pct(self) -> Decimal | None:
        """From the previous close, in percent with two places, half-even."""
        if not self.previous_close:
            return None
        change = (self.last / self.previous_close - 1) * 100
        return change.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)

    def age_seconds(self, now: datetime) -> float:
        """How old the price is; never below zero."""
        return max(0.0, round((now - self.at).total_seconds(), 3))


def live_of(ids: Sequence[int]) -> dict[int, LiveQuote]:
    """The feed's latest of these instruments."""
    return live_quotes(ids)


def is_live_public(exchange: str, on: date) -> bool:
    """Whether anyone may be shown an exchange's live prices on a day: where nobody has said otherwise, yes."""
    try:
        policy = policy_for(exchange, on)
    except NotFound:
        return True
    return policy is None or policy.live_by == ANYONE


def prices_of(ids: Sequence[int]) -> dict[int, InstrumentPrice]:
    """The last prices of at most 500 instruments, in a few round trips; those without any are left out."""
    if len(ids) > MAX_PRICES:
        raise Invalid("bad_request", f"Ask for {MAX_PRICES} prices at most.", {"field": "ids"})
    if not ids:
        return {}
    hidden, today = horizons(), datetime.now(tz=UTC).date()
    found = _closing(ids, hidden)
    exchanges = dict(Instrument.objects.filter(pk__in=ids).values_list("pk", "exchange"))
    public = {exchange for exchange in set(exchanges.values()) if is_live_public(exchange, today)}
    shown = [pk for pk, exchange in exchanges.items() if pk not in hidden and exchange in public]
    for instrument_id, quote in live_of(shown).items():
        closing = found.get(instrument_id)
        if quote_price(quote) and (closing is None or quote.session >= closing.session):
            found[instrument_id] = _live(quote, closing)
    return found


def _closing(ids: Sequence[int], hidden: dict[int, date]) -> dict[int, InstrumentPrice]:
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [list(ids), [hidden.get(each) for each in ids]])
        for ident, day, open_, high, low, close, volume, previous, ratios, source in cursor.fetchall():
            before = previous
            for ratio in ratios or ():
                before = before / ratio if ratio else before
            found[ident] = InstrumentPrice(
                instrument_id=ident,
                last=_plain(close),
                session=day,
                at=datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1),
                source=source or "stored history",
                is_live=False,
                open=_plain(open_),
                high=_plain(high),
                low=_plain(low),
                volume=volume,
                previous_close=None if before is None else _plain(before),
            )
    return found


def _live(quote: LiveQuote, closing: InstrumentPrice | None) -> InstrumentPrice:
    """The feed's quote; the close before it is the stored one where the feed does not know it."""
    before = price_of(quote.previous_close) if quote.previous_close else None
    if before is None and closing is not None:
        before = closing.last if closing.session < quote.session else closing.previous_close
    return InstrumentPrice(
        instrument_id=quote.instrument_id,
        last=price_of(quote_price(quote)),
        session=quote.session,
        at=at_of(quote.at),
        source=quote.provider,
        is_live=True,
        open=_known(quote.open),
        high=_known(quote.high),
        low=_known(quote.low),
        volume=quote.volume,
        previous_close=before,
        bid=_known(quote.bid),
        ask=_known(quote.ask),
        received=at_of(quote.received) if quote.received else None,
        halted=quote.halted,
    )


def _known(value: int) -> Decimal | None:
    return price_of(value) if value else None


def _plain(value: Decimal) -> Decimal:
    """Two places, or as many as the price has, at most six."""
    exact = value.quantize(_PLACES, rounding=ROUND_HALF_EVEN)
    return price_of(int(exact.scaleb(6)))
