"""A client of the API, and what a refusal looks like."""

from typing import Any

from rest_framework.test import APIClient

from accounts.models import User


def api(who: User | None = None) -> APIClient:
    """Signed in as somebody, or nobody."""
    client = APIClient()
    if who is not None:
        client.force_authenticate(who)
    return client


def refused(answer: Any, status: int, code: str) -> None:
    """It has the status and the code, and the shape of every refusal."""
    assert (answer.status_code, answer.data["code"]) == (status, code), answer.data
    assert set(answer.data) == {"code", "message", "details"}
