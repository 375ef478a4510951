"""The exchanges as the status strip shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from marketdata.domain.sessions import MarketStatus
from marketdata.selectors.sessions import exchanges, market_status

MAX_SHOWN = 12
DEMO = "SIM"  # generated history, which replays play at their own hours
PHASES = {
    "pre_market": "Before the market",
    "pre_open": "Pre-open",
    "continuous": "Open",
    "closing_auction": "Closing auction",
    "post_close": "After the close",
    "after_hours": "After hours",
    "overnight": "Overnight",
    "closed": "Closed",
}


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """An exchange now: whether it trades, in which part of its day, why it is closed, and what comes next."""

    code: str
    name: str
    zone: str
    is_open: bool
    phase: str
    reason: str
    next_at: datetime | None
    next_word: str
    is_known: bool


def exchange_states(codes: Iterable[str], at: datetime) -> list[ExchangeState]:
    """The state of these exchanges, those that are open first; codes that are not exchanges are left out."""
    wanted = set(codes) - {DEMO}
    known = [view.code for view in exchanges() if view.code in wanted][:MAX_SHOWN]
    found = [exchange_state(market_status(code, at)) for code in known]
    return sorted(found, key=lambda state: (not state.is_open, state.code))


def strip(codes: Iterable[str], at: datetime) -> list[ExchangeState]:
    """What the overview's strip shows: the exchanges of the instruments, and those that others follow."""
    return exchange_states({*codes, *(view.code for view in exchanges(primary=True))}, at)


def exchange_state(status: MarketStatus) -> ExchangeState:
    """A market status in the words of the strip."""
    halt = status.halt.reason if status.halt else ""
    return ExchangeState(
        code=status.exchange,
        name=status.name,
        zone=status.zone,
        is_open=status.is_open,
        phase="Halted" if status.halt else PHASES.get(status.phase, status.phase.replace("_", " ").capitalize()),
        reason="" if status.is_open else halt or status.reason,
        next_at=status.next_close if status.is_open else status.next_open,
        next_word="Closes in" if status.is_open else "Opens in",
        is_known=status.is_loaded,
    )
