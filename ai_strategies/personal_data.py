"""What ai_strategies holds about a person: backtests that were asked for."""

from accounts.ports import PersonalData, Table
from ai_strategies.models import Backtest


def _erase(user_id: int) -> None:
    """A backtest is figures about the past, kept for whoever asks the same again; who asked first is forgotten."""
    Backtest.objects.filter(requested_by_id=user_id).update(requested_by=None)


_AGENTS = "Agents are programs of the platform, no persons."
DATA = PersonalData(
    app="ai_strategies",
    tables=(Table("backtests", "Backtests that you ran.", Backtest, "requested_by_id"),),
    left_out={
        "ai_strategies.Agent": _AGENTS,
        "ai_strategies.AgentSeat": _AGENTS,
        "ai_strategies.Decision": _AGENTS,
    },
    erase=_erase,
)
