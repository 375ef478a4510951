"""Live and simulated markets for tests, here and on the floors above: instruments, what the feed has, ticks."""

from datetime import UTC, date, datetime
from itertools import count

from marketdata.adapters.live_board import live_write
from marketdata.domain.feed import LiveQuote, micro_of, micros
from marketdata.domain.types import MarketView, Tick
from marketdata.models import Instrument
from marketdata.services import live_ticks, markets, ticks
from marketdata.services.calendars import calendar_load
from marketdata.services.exchanges import exchanges_seed
from marketdata.tests.factories import InstrumentFactory

_numbers = count(1)
_sequences = count(1)


def exchanges() -> None:
    """The exchanges, with the sessions of the US for 2026 alone."""
    exchanges_seed()
    calendar_load(exchange="US", first=date(2026, 1, 1), last=date(2026, 12, 31))
    live_ticks.live_forget()


def simulated(*symbols: str) -> list[Instrument]:
    """Instruments of the simulated exchange, which is always open."""
    exchanges_seed()
    return [InstrumentFactory(symbol=symbol, exchange="SIMX", is_simulated=True) for symbol in symbols]


def live_market(*instruments: Instrument, exchange: str = "SIMX", **definition) -> MarketView:
    """A running live or simulated market over instruments."""
    kind = "simulated" if exchange == "SIMX" else "live"
    market = markets.market_create_in_tx(
        actor=None,
        slug=f"live-{next(_numbers)}",
        name="Live market",
        definition={
            "kind": kind,
            "exchange": exchange,
            "symbols": [item.symbol for item in instruments],
            **definition,
        },
    )
    return markets.market_start(actor=None, market_id=market.id)


def tell(
    instrument: Instrument,
    last: object,
    when: datetime | None = None,
    *,
    bid: object = None,
    ask: object = None,
    **more,
) -> LiveQuote:
    """Put a quote on the feed's board: a cent around the last price unless bid and ask are named."""
    when = when or datetime.now(tz=UTC)
    price = micros(str(last))
    values = {
        "instrument_id": instrument.pk,
        "symbol": instrument.symbol,
        "bid": price - 10_000 if bid is None else micros(str(bid)),
        "ask": price + 10_000 if ask is None else micros(str(ask)),
        "last": price,
        "bid_size": 300,
        "ask_size": 200,
        "at": micro_of(when),
        "received": micro_of(when),
        "provider": "test",
        "session": when.date(),
        "open": price,
        "high": price,
        "low": price,
        "volume": 100_000,
        "previous_close": 0,
        "sequence": next(_sequences),
    }
    quote = LiveQuote(**{**values, **more})
    live_write([quote])
    return quote


def step(market: MarketView, now: datetime | None = None) -> Tick | None:
    """Take the tick that is due and finish its work; None when nothing is."""
    taken = live_ticks.live_tick_store(market_id=market.id, now=now)
    if taken is None:
        return None
    settlement = ticks.settlement_open(taken)
    settlement.run()
    ticks.settlement_done(market.id)
    return settlement.tick
