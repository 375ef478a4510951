"""Django's PostgreSQL backend with a health check that costs no round trip.

CONN_HEALTH_CHECKS asks `is_usable` once a request, and Django answers with `SELECT 1`: one more round trip for every
order. A server that died has closed its sockets, and a closed socket is readable: looking is free.
"""

import select
from typing import Any

from django.db.backends.postgresql import base

from core.postgres.guard import unsettled


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL, checked by its socket."""

    def is_usable(self) -> bool:
        """Whether the connection still has its server: open, and nothing unexpected waiting to be read."""
        connection = self.connection
        if connection is None or connection.closed:
            return False
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not poll.poll(0)

    def _cursor(self, name: str | None = None) -> Any:
        """Django's cursor, once the thread's guard has passed."""
        if unsettled() is not None:
            from core.postgres.direct import settle

            settle()
        return super()._cursor(name)  # type: ignore[misc]
