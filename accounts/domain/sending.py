"""How handing a message over may fail, and when to try again. Pure."""

from datetime import timedelta

from accounts.domain.ports import MessageNotSentError

MAX_ATTEMPTS = 6
LONGEST_WAIT = timedelta(hours=6)


class SendLaterError(MessageNotSentError):
    """It certainly did not go out, and may the next time. `after` is the wait that the service asks for, in seconds."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class SendRefusedError(MessageNotSentError):
    """It did not go out and never will: the service refuses this message or its recipient."""


class SendUnknownError(MessageNotSentError):
    """It may have gone out: the answer to it got lost."""


def retry_after(attempts: int, asked: float | None = None) -> timedelta | None:
    """How long to wait after so many failed attempts: 30 s, 2 min, 8 min, ... or what was asked; None: give up."""
    if attempts >= MAX_ATTEMPTS:
        return None
    wait = timedelta(seconds=30 * 4 ** (attempts - 1))
    if asked is not None and asked > 0:
        wait = max(wait, timedelta(seconds=min(asked, LONGEST_WAIT.total_seconds())))
    return min(wait, LONGEST_WAIT)
