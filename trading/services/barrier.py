"""Waiting for whoever decides about an account at this moment."""

from __future__ import annotations

import logging
import time

from django.db import connection

logger = logging.getLogger(__name__)

BARRIER_SECONDS = 3.0
# Transactions that hold rows of accounts: whoever decides about one at this moment.
_DECIDING = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE relation = 'trading_account'::regclass AND granted AND mode <> 'AccessShareLock' AND pid <> pg_backend_pid()
"""


def barrier_wait(seconds: float = BARRIER_SECONDS) -> bool:
    """Wait for whoever is deciding about an account at this moment: they may still see the tick before.

    False when some are not done in time: the print after looks for what they have left.
    """
    deadline = time.monotonic() + seconds
    with connection.cursor() as cursor:
        cursor.execute(_DECIDING)
        waiting = {row[0] for row in cursor.fetchall()}
        while waiting:
            if time.monotonic() > deadline:
                logger.warning("%s transactions are still deciding about accounts", len(waiting))
                return False
            time.sleep(0.002)
            cursor.execute(_DECIDING)
            waiting &= {row[0] for row in cursor.fetchall()}
    return True
