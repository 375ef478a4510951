"""Building copies of data, deletions that are due, retention."""

import logging
from typing import Any

from celery import shared_task
from django.db import DatabaseError
from redis.exceptions import RedisError

from accounts.services import deletion, exports, retention

logger = logging.getLogger(__name__)

# Building a copy may take longer than other tasks, but less than the broker waits for a lost one.
_BUILD: dict[str, Any] = {"soft_time_limit": 480, "time_limit": 540}
_AGAIN: dict[str, Any] = {
    "autoretry_for": (DatabaseError, RedisError, OSError),
    "max_retries": 8,
    "retry_backoff": 2,
    "retry_jitter": True,
}


@shared_task(**_BUILD)
def export_build(export_id: int) -> None:
    """Build a copy of a person's data."""
    exports.export_build(export_id=export_id)


@shared_task
def exports_tend() -> None:
    """Have copies built that nobody builds, and delete those whose time is over."""
    for export_id in exports.exports_unbuilt():
        export_build.delay(export_id=export_id)
    exports.exports_expire()


@shared_task
def deletions_tend() -> None:
    """Remind of deletions that are near, and carry out those that are due."""
    deletion.deletions_remind()
    deletion.deletions_carry_out()


@shared_task(**_AGAIN)
def deletion_aftermath(user_id: int) -> None:
    """What follows once a person is erased."""
    deletion.deletion_aftermath(user_id=user_id)


@shared_task(**_AGAIN)
def files_delete(storage: str, names: list[str]) -> None:
    """Delete files that nothing refers to any more."""
    deletion.files_delete(storage=storage, names=names)


@shared_task(soft_time_limit=480, time_limit=540)
def retention_apply() -> None:
    """Apply the rules of retention."""
    taken = retention.retention_apply()
    logger.info("retention: %s", ", ".join(f"{key} {count}" for key, count in taken.items()))
