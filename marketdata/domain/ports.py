"""What higher floors plug into a market: tick listeners, tick gates and the choice of the default market.

Register from `AppConfig.ready()`. A listener may be called again with the same tick after a crash or a failure of its
own: it must be idempotent for (market, tick).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from marketdata.domain.types import MarketView, Tick


class TickListener(Protocol):
    """Work done at every tick, after it is stored and published."""

    def __call__(self, market: MarketView, tick: Tick) -> None:
        """Do the tick's work; raise to be called again with the same tick."""
        ...


class TickGate(Protocol):
    """An opinion on whether a market may leave a tick."""

    def __call__(self, market_id: int, tick: int) -> bool:
        """True when the tick's work is done."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """A registered listener; listeners run in ascending `order`, then by name."""

    order: int
    name: str
    call: TickListener


_listeners: dict[str, Listener] = {}
_gates: dict[str, TickGate] = {}
_default_market: list[Callable[[], int | None]] = []
_inline: ContextVar[bool] = ContextVar("market_inline", default=False)


def register_tick_listener(order: int, name: str, fn: TickListener) -> None:
    """Call `fn` at every tick; registering a name again replaces it."""
    _listeners[name] = Listener(order, name, fn)


def unregister_tick_listener(name: str) -> None:
    """Forget a listener (tests)."""
    _listeners.pop(name, None)


def tick_listeners() -> list[Listener]:
    """The listeners in the order they run."""
    return sorted(_listeners.values(), key=lambda item: (item.order, item.name))


def register_tick_gate(name: str, fn: TickGate) -> None:
    """Ask `fn` before a market leaves a tick; registering a name again replaces it."""
    _gates[name] = fn


def unregister_tick_gate(name: str) -> None:
    """Forget a gate (tests)."""
    _gates.pop(name, None)


def tick_gates() -> dict[str, TickGate]:
    """The registered gates by name."""
    return dict(_gates)


def register_default_market(fn: Callable[[], int | None]) -> None:
    """Let `fn` name the market used when a caller names none; it answers None when it has no opinion."""
    _default_market[:] = [fn]


def default_market_choice() -> int | None:
    """What the registered chooser says, if there is one."""
    return _default_market[0]() if _default_market else None


@contextmanager
def inline() -> Iterator[None]:
    """Mark that a market is being stepped by hand: no worker will pick up queued work, so listeners do it at once."""
    token = _inline.set(True)
    try:
        yield
    finally:
        _inline.reset(token)


def is_inline() -> bool:
    """Whether the market is being stepped by hand (`market_step`, tests): listeners then do their work inline."""
    return _inline.get()
