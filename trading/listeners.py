"""What trading does at each tick of a market, in order.

Prices that are not believed (1), before anything is judged by them. Days of rules that are over, at the last prices
before (2), so that no soft lock is lifted that the reset renews.
Soft locks that are over, looser limits that were waited for (3); orders whose time has passed (4); corporate actions
(5), so that the tick's prices meet what they are prices of; matching (10); intraday accounts go flat at the close (15);
marking (20); rules at the new marks (22); margin calls, forced reductions and daily losses at the new marks (25).
"""

from marketdata.domain.ports import register_tick_listener
from marketdata.domain.types import MarketView, Tick
from trading.services import corporate, enforcement, expiry, locking, pauses, risk, rules
from trading.services.marking import mark_tick
from trading.services.matching import match_tick


def _pauses(market: MarketView, tick: Tick) -> None:
    pauses.pauses_tick(market, tick)


def _day(market: MarketView, tick: Tick) -> None:
    locking.locks_lift(market, tick)
    risk.pending_apply(market, tick)


def _expire(market: MarketView, tick: Tick) -> None:
    expiry.orders_expire_tick(market, tick)


def _actions(market: MarketView, tick: Tick) -> None:
    corporate.actions_tick(market, tick)


def _match(market: MarketView, tick: Tick) -> None:
    match_tick(market, tick)


def _intraday(market: MarketView, tick: Tick) -> None:
    enforcement.intraday_flatten(market, tick)


def _mark(market: MarketView, tick: Tick) -> None:
    mark_tick(market, tick)


def _enforce(market: MarketView, tick: Tick) -> None:
    enforcement.margin_enforce(market, tick)
    enforcement.daily_loss_tell(market, tick)


def _roll(market: MarketView, tick: Tick) -> None:
    rules.rules_roll(market, tick)


def _rules(market: MarketView, tick: Tick) -> None:
    rules.rules_sweep(market, tick)


def register() -> None:
    """Plug trading into the market's ticks; called once from AppConfig.ready()."""
    register_tick_listener(1, "trading.pauses", _pauses)
    register_tick_listener(2, "trading.rules_roll", _roll)
    register_tick_listener(3, "trading.day", _day)
    register_tick_listener(4, "trading.expiry", _expire)
    register_tick_listener(5, "trading.corporate", _actions)
    register_tick_listener(10, "trading.matching", _match)
    register_tick_listener(15, "trading.intraday", _intraday)
    register_tick_listener(20, "trading.marking", _mark)
    register_tick_listener(22, "trading.rules", _rules)
    register_tick_listener(25, "trading.enforcement", _enforce)
