"""Operators say why."""

from core.errors import Invalid

MAX_REASON = 300


def reason_require(reason: str) -> str:
    """The reason without what surrounds it; raises Invalid on none, or one of more than 300 characters."""
    reason = reason.strip()
    if not reason:
        raise Invalid("invalid", "Say why.", {"reason": ["Say why."]})
    if len(reason) > MAX_REASON:
        message = f"At most {MAX_REASON} characters."
        raise Invalid("invalid", message, {"reason": [message]})
    return reason
