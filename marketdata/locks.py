"""Every lock of the app. A market's row is locked to change its status or tick; its lease says who may advance it."""

from django.db import DatabaseError, connection

from core.errors import NotFound
from marketdata.models import Market

LEASE_CLASS = 0x4D4B
WATCHLISTS_CLASS = 0x4D57


def market_lock(market_id: int) -> Market:
    """The market's row, locked until the transaction ends."""
    market = Market.objects.select_for_update(no_key=True).filter(pk=market_id).first()
    if market is None:
        raise NotFound("unknown_market", "There is no such market.", {"market": market_id})
    return market


def watchlists_lock(owner_id: int) -> None:
    """One change of a person's watchlists at a time, until the transaction ends: their numbers are bounded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, (%s %% 2147483647)::int)", [WATCHLISTS_CLASS, owner_id])


class MarketLease:
    """The right to advance a market: a PostgreSQL advisory lock of this database session.

    It dies with the session, so a crashed process frees it at once. It needs a direct connection to PostgreSQL (no
    transaction-pooling proxy). Taking it again in the same session nests. `renewed` is set each time it is taken anew.
    """

    def __init__(self, market_id: int) -> None:
        self.market_id = market_id
        self._session: object | None = None
        self.renewed = False

    def hold(self) -> bool:
        """Whether we have it: kept from before on this very session, or taken now."""
        if self._session is not None and self._session is connection.connection:
            return True
        self._session = None
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LEASE_CLASS, self.market_id])
            taken = bool(cursor.fetchone()[0])
        if taken:
            self._session = connection.connection
            self.renewed = True
        return taken

    def release(self) -> None:
        """Give it back; a session that has gone has given it back itself."""
        held, self._session = self._session, None
        if held is None or held is not connection.connection:
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LEASE_CLASS, self.market_id])
        except DatabaseError:
            connection.close()
