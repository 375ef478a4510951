"""What the payments API's modules share."""

from typing import cast

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.models import User
from core.errors import Invalid

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The same key and body again give the first answer; the same key with another body gives 409.",
)


def user_of(request: Request) -> User:
    """Who asks."""
    return cast(User, request.user)


def key_of(request: Request) -> str:
    """The idempotency key. Raises Invalid `idempotency_key_required`."""
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        raise Invalid("idempotency_key_required", "Send an Idempotency-Key with this, so that it happens once.")
    return str(key)
