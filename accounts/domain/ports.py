"""What accounts needs from outside, said by what it does and not by who does it. Pure."""

from typing import Protocol


class MessageNotSentError(Exception):
    """A message was not taken by the service that carries it; whether to try again is the caller's to decide."""


class Sms(Protocol):
    """Carries short text messages."""

    def send(self, *, to: str, text: str) -> None:
        """Send a text to a number (E.164). Raises MessageNotSentError."""
