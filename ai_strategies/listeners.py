"""What agents do at each tick (40, after standings), and when a market may leave it."""

import logging

from kombu.exceptions import OperationalError

from ai_strategies.services.recovery import gate_open
from ai_strategies.services.runs import runs_execute
from ai_strategies.services.seats import seats_join_in_tx, unknown_agent_keys
from ai_strategies.services.turns import chunks, turns_open
from ai_strategies.tasks import agents_trade
from contests.domain.ports import register_agent_check, register_start_preparation
from marketdata.domain.ports import is_inline, register_tick_gate, register_tick_listener
from marketdata.domain.types import MarketView, Tick

logger = logging.getLogger(__name__)


def _turns(market: MarketView, tick: Tick) -> None:
    accounts = turns_open(market, tick)
    if is_inline():
        runs_execute(market_id=market.id, tick=tick.index, account_ids=accounts)
        return
    for chunk in chunks(accounts):
        try:
            # A task that comes late finds its tick over: better that it does not come at all.
            agents_trade.apply_async((market.id, tick.index, chunk), expires=60)
        except OperationalError:
            # The gate takes turns that no worker has taken.
            logger.warning("no task could be sent for market %s, tick %s", market.id, tick.index, exc_info=True)
            return


def register() -> None:
    """Plug agents into markets and contests; called once from AppConfig.ready()."""
    register_tick_listener(40, "ai_strategies.agents", _turns)
    register_tick_gate("ai_strategies.agents", gate_open)
    register_start_preparation("ai_strategies.seats", seats_join_in_tx)
    register_agent_check("ai_strategies.agents", unknown_agent_keys)
