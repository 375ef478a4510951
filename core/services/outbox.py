"""The transactional outbox: events written with the facts they tell, delivered in order per aggregate."""

from typing import Any

from core.models import OutboxEvent


def emit(*, topic: str, aggregate: str, payload: dict[str, Any]) -> None:
    """Write an event in the caller's transaction. It is delivered only if that transaction commits."""
    OutboxEvent.objects.create(topic=topic, aggregate=aggregate, payload=payload)
