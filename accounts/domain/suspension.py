"""What suspended people are told, wherever they are refused. Pure."""

from datetime import datetime


def suspension_words(until: datetime | None) -> str:
    """That the account is suspended, and until when (aware; None: until someone reinstates it)."""
    end = f" until {until:%d %B %Y, %H:%M} UTC" if until is not None else ""
    return f"Your account is suspended{end}"


def suspension_message(reason: str, until: datetime | None) -> str:
    """The same as a whole sentence, with the reason if one was given."""
    why = f" Reason: {reason.rstrip('.')}." if reason else ""
    return f"{suspension_words(until)}.{why}"
