"""Refusing those whom the platform does not serve, by where their request comes from."""

from accounts.domain.client import Client
from accounts.selectors.regions import region_blocked
from core.errors import Forbidden


def request_region_blocked(client: Client) -> bool:
    """Whether the request comes from a country that is not served. What the client claims of itself does not count."""
    return region_blocked(client.country)


def client_region_require(client: Client | None) -> None:
    """Raise Forbidden `region_blocked` for a request from a country that is not served."""
    if client is not None and request_region_blocked(client):
        raise region_refusal("The platform is not available where you are connecting from.")


def region_refusal(words: str) -> Forbidden:
    """The refusal of a place."""
    return Forbidden("region_blocked", words)
