"""What trading does when something has happened to people."""

from core.outbox import EventView, subscribe
from trading.services.risk import preset_choose_in_tx


@subscribe("accounts.profile_changed", "trading.risk_preset")
def _preset(event: EventView) -> None:
    preset_choose_in_tx(user_id=int(event.payload["user_id"]), tolerance=str(event.payload.get("risk_tolerance", "")))
