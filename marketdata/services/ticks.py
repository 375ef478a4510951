"""Advancing a market by a tick: store it, show it, let every listener do its work on it.

The tick is committed before it is shown, and its prices are a pure function of the market, so a crash at any point is
mended by `tick_resume`: the tick in force is shown again and its listeners run again. A listener that fails is called
again on the same tick; the market does not move before all have succeeded.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, transaction

from core.errors import Conflict
from marketdata.domain.ports import Listener, inline, tick_gates, tick_listeners
from marketdata.domain.types import Tick
from marketdata.locks import MarketLease, market_lock
from marketdata.models import Market
from marketdata.selectors import market_facts, market_row, market_slice, tick_of, view_of
from marketdata.services.listings import symbols_change_in_tx
from marketdata.services.live_ticks import live_tick_store
from marketdata.services.markets import market_end
from marketdata.services.publish import tick_publish

logger = logging.getLogger(__name__)

GATE_WAIT_SECONDS = 10.0
GATE_POLL_SECONDS = 0.02
LISTENER_ATTEMPTS = 3
LISTENER_BACKOFF_SECONDS = 0.1


@dataclass
class Settlement:
    """What is still to be done for a stored tick: showing it, then its listeners in order."""

    market: Market
    tick: Tick
    remaining: list[Listener]
    shown: bool = False

    @property
    def step(self) -> str:
        """The name of what comes next."""
        if not self.shown:
            return "publish"
        return self.remaining[0].name if self.remaining else "nothing"

    def run(self) -> None:
        """Go on where it failed; raises what a step raises, leaving that step first in line."""
        if not self.shown:
            tick_publish(market=self.market, tick=self.tick)
            self.shown = True
        view = view_of(self.market)
        while self.remaining:
            self.remaining[0].call(view, self.tick)
            self.remaining.pop(0)


_open: dict[int, Settlement] = {}


def forget_process_state() -> None:
    """Drop what a crash would drop (tests, crash drills)."""
    _open.clear()


def gates_closed(market_id: int, tick: int) -> list[str]:
    """Names of the gates that do not let the market leave a tick yet. One that fails counts as closed.

    Only a replay can wait: a live market goes where the feed goes.
    """
    if tick < 0 or not market_facts(market_id).is_replay:
        return []
    closed = []
    for name, gate in tick_gates().items():
        try:
            if not gate(market_id, tick):
                closed.append(name)
        except (DatabaseError, InterfaceError):
            raise
        except Exception:
            logger.exception("gate %s failed at tick %s of market %s", name, tick, market_id)
            closed.append(name)
    return closed


def gates_wait(market_id: int, tick: int) -> None:
    """Wait until every gate is open, at most GATE_WAIT_SECONDS; then say so and go on."""
    deadline = time.monotonic() + GATE_WAIT_SECONDS
    while closed := gates_closed(market_id, tick):
        if time.monotonic() >= deadline:
            logger.warning("market %s leaves tick %s although %s is not done", market_id, tick, ", ".join(closed))
            return
        time.sleep(GATE_POLL_SECONDS)


def tick_store(*, market_id: int) -> Settlement | None:
    """Commit the next tick of a running market; None when it does not run, or when the slice is over (it then ends).

    A live or simulated market has no end of its own: None there also means that nothing is new.
    """
    if not market_facts(market_id).is_replay:
        taken = live_tick_store(market_id=market_id)
        return None if taken is None else settlement_open(taken)
    with transaction.atomic(durable=True):
        market = market_lock(market_id)
        if market.status != Market.Status.RUNNING:
            return None
        table = market_slice(market_id)
        over = market.tick + 1 >= table.ticks_total
        if not over:
            market.tick += 1
            market.tick_at = table.at(market.tick)
            names = table.symbols_changed(market.tick)
            if names:
                symbols_change_in_tx(market=market, names=names)
            market.save(update_fields=["tick", "tick_at", "listings_version"])
    if over:
        market_end(actor=None, market_id=market_id, reason="The slice is over.")
        return None
    return settlement_open(market)


def settlement_open(market: Market) -> Settlement:
    """The work of the market's tick in force, all of it still to do."""
    settlement = Settlement(market, tick_of(market), tick_listeners())
    _open[market.pk] = settlement
    return settlement


def tick_in_force(market_id: int) -> Market:
    """The market's row; what this process had begun on another tick is forgotten."""
    market = market_row(market_id)
    pending = settlement_pending(market_id)
    if pending is not None and pending.tick.index != market.tick:
        settlement_done(market_id)
    return market


def settlement_pending(market_id: int) -> Settlement | None:
    """Work that this process has begun and not finished."""
    return _open.get(market_id)


def settlement_done(market_id: int) -> None:
    """The tick's work is finished, or is somebody else's now."""
    _open.pop(market_id, None)


def _settle(settlement: Settlement) -> None:
    """Finish a tick's work, trying each step a few times; raises the last failure."""
    for attempt in range(1, LISTENER_ATTEMPTS + 1):
        try:
            settlement.run()
        except Exception:
            at = (settlement.step, settlement.tick.index, settlement.market.pk)
            logger.exception("%s failed at tick %s of market %s", *at)
            if attempt == LISTENER_ATTEMPTS:
                raise
            time.sleep(LISTENER_BACKOFF_SECONDS * attempt)
        else:
            settlement_done(settlement.market.pk)
            return


def _finish_pending(market_id: int) -> None:
    pending = settlement_pending(market_id)
    if pending is None:
        return
    if market_row(market_id).tick == pending.tick.index:
        _settle(pending)
    else:
        settlement_done(market_id)


def tick_advance(*, market_id: int) -> Tick | None:
    """Move a market to its next tick and do all of its work: gates, commit, board, push, listeners.

    None when it did not move: it is not running, its slice is over (it has ended), or another process advances it.
    Raises a listener's error after a few attempts; the next call goes on with the same tick.
    """
    lease = MarketLease(market_id)
    if not lease.hold():
        return None
    try:
        _finish_pending(market_id)
        if tick_gates():
            gates_wait(market_id, market_row(market_id).tick)
        settlement = tick_store(market_id=market_id)
        if settlement is None:
            return None
        _settle(settlement)
        return settlement.tick
    finally:
        lease.release()


def tick_resume(*, market_id: int) -> Tick | None:
    """Show the tick in force again and run its listeners again: what a process does when it takes a market over."""
    lease = MarketLease(market_id)
    if not lease.hold():
        return None
    try:
        market = market_row(market_id)
        if market.tick < 0:
            return None
        settlement = settlement_open(market)
        _settle(settlement)
        return settlement.tick
    finally:
        lease.release()


def market_step(*, market_id: int, ticks: int) -> list[Tick]:
    """Play up to `ticks` ticks at once, with no wall waiting and with listeners told to work inline.

    Stops early when the market stops. Raises Conflict when another process advances the market.
    """
    played: list[Tick] = []
    with market_hold(market_id=market_id), inline():
        while len(played) < ticks and (tick := tick_advance(market_id=market_id)):
            played.append(tick)
    return played


@contextmanager
def market_hold(*, market_id: int) -> Iterator[None]:
    """Keep a market to this process, so that the market process leaves it alone: take it before the market runs.

    Nests. Raises Conflict when another process has it.
    """
    lease = MarketLease(market_id)
    if not lease.hold():
        raise Conflict("market_busy", "Another process is running this market. Pause it first.", {"market": market_id})
    try:
        yield
    finally:
        lease.release()
