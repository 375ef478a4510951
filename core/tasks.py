"""Background tasks of the ground floor. Each calls one service."""

import time

from celery import shared_task
from celery.signals import heartbeat_sent

from core import heartbeat
from core.services import idempotency, outbox, seal

WORKER_BEAT_EVERY = 3.0
_last_worker_beat = 0.0


@shared_task
def outbox_drain() -> None:
    """Deliver pending events."""
    outbox.drain()


@shared_task
def journals_seal() -> None:
    """Seal new journals."""
    seal.seal_journals()


@shared_task
def journals_seal_thorough() -> None:
    """Seal journals that committed very late, wherever they are."""
    seal.seal_journals(thorough=True)


@shared_task
def purge() -> None:
    """Forget delivered events and idempotency records after a week."""
    outbox.purge_done()
    idempotency.purge()


@shared_task
def beat_heartbeat() -> None:
    """Beat sent this, so beat is alive."""
    heartbeat.beat("beat", ttl=20)


@heartbeat_sent.connect
def _worker_heartbeat(**_: object) -> None:
    """The worker's own timer ticks (every two seconds): pass its sign of life on."""
    global _last_worker_beat
    now = time.monotonic()
    if now - _last_worker_beat >= WORKER_BEAT_EVERY:
        _last_worker_beat = now
        heartbeat.beat("worker")
