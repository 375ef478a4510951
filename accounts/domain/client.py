"""Who knocks: what is known of the other end of a request. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """The other end of a request. Nothing but the name of the agent is for the client to choose.

    `device` is a keyed hash of the device's cookie; `country` (ISO 3166-1) and `city` come from a trusted source or
    are empty.
    """

    ip: str | None = None
    user_agent: str = ""
    device: str = ""
    country: str = ""
    city: str = ""
