"""Background work of agents."""

from celery import shared_task

from ai_strategies.services import recovery
from ai_strategies.services.runs import runs_execute


@shared_task(name="ai_strategies.tasks.agents_trade", soft_time_limit=45, time_limit=60)
def agents_trade(market_id: int, tick: int, account_ids: list[int]) -> None:
    """Take the turns of these accounts at this tick. A second delivery does nothing."""
    runs_execute(market_id=market_id, tick=tick, account_ids=account_ids)


@shared_task(name="ai_strategies.tasks.agents_recover", soft_time_limit=45, time_limit=60)
def agents_recover() -> None:
    """Take up the turns that a lost worker left."""
    recovery.runs_recover()


@shared_task(name="ai_strategies.tasks.prune", soft_time_limit=45, time_limit=60)
def prune() -> None:
    """Remove old hold decisions and finished turns."""
    recovery.prune()
