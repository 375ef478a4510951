"""Hands what people wait for at the entrance over to the tasks that send it."""

from accounts.tasks import entrance
from core.outbox import EventView, subscribe


@subscribe("accounts.letter_wanted", "accounts.letter")
def _letter(event: EventView) -> None:
    entrance.letter_send.delay(kind=event.payload["kind"], user_id=int(event.payload["user_id"]))


@subscribe("accounts.code_wanted", "accounts.code")
def _code(event: EventView) -> None:
    payload = event.payload
    entrance.signin_code_send.delay(
        ticket=payload["ticket"], user_id=int(payload["user_id"]), channel=payload["channel"]
    )
