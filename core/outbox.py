"""Who listens to which topic. Apps subscribe in their `handlers.py`, which `AppConfig.ready` imports."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class EventView:
    """An event as handlers see it."""

    id: int
    topic: str
    aggregate: str
    payload: dict[str, Any]
    created_at: datetime


Handler = Callable[[EventView], None]
_handlers: dict[str, dict[str, Handler]] = {}


def subscribe(topic: str, handler_name: str) -> Callable[[Handler], Handler]:
    """Register a handler of a topic under a lasting name (receipts are kept by it).

    A handler runs inside the transaction that records its receipt: its database effects happen exactly once. It must
    not call the network; to do so, publish after commit or hand over to a task.
    """

    def register(handler: Handler) -> Handler:
        known = _handlers.setdefault(topic, {})
        if known.get(handler_name, handler) is not handler:
            raise ValueError(f"two handlers of {topic} are called {handler_name}")
        known[handler_name] = handler
        return handler

    return register


def unsubscribe(topic: str, handler_name: str) -> None:
    """Forget a handler."""
    _handlers.get(topic, {}).pop(handler_name, None)


def handlers_for(topic: str) -> dict[str, Handler]:
    """The handlers of a topic by name, in the order of their registration."""
    return dict(_handlers.get(topic, {}))


def topics() -> list[str]:
    """Topics that have at least one handler."""
    return [topic for topic, handlers in _handlers.items() if handlers]
