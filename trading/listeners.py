"""What trading does at each tick of a market, in order: day roll and matching (10), marking (20)."""

from marketdata.domain.ports import register_tick_listener
from marketdata.domain.types import MarketView, Tick
from trading.services.marking import expire_day_orders, mark_tick
from trading.services.matching import match_tick


def _match(market: MarketView, tick: Tick) -> None:
    expire_day_orders(market, tick)
    match_tick(market, tick)


def _mark(market: MarketView, tick: Tick) -> None:
    mark_tick(market, tick)


def register() -> None:
    """Plug trading into the market's ticks; called once from AppConfig.ready()."""
    register_tick_listener(10, "trading.matching", _match)
    register_tick_listener(20, "trading.marking", _mark)
