"""What trading does when something has happened to people."""

from functools import partial

from django.db import transaction

from core.outbox import EventView, subscribe
from trading import notices, tasks  # noqa: F401  what people are told
from trading.services.risk import preset_choose_in_tx


@subscribe("accounts.profile_changed", "trading.risk_preset")
def _preset(event: EventView) -> None:
    preset_choose_in_tx(user_id=int(event.payload["user_id"]), tolerance=str(event.payload.get("risk_tolerance", "")))


@subscribe("accounts.user_suspended", "trading.cancel_orders")
def _cancel(event: EventView) -> None:
    # Each order is cancelled in a transaction of its own; should this be lost, the periodic task does it.
    transaction.on_commit(partial(tasks.suspended_orders_cancel.delay, int(event.payload["user_id"])))
