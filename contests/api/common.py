"""What the API views of contests share: who asks, what was sent, and which contest they may see."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from accounts.permissions import IsOperator
from contests import selectors
from contests.selectors import ContestView
from trading.domain.types import Actor

CODE = OpenApiParameter("invite_code", str, description="Shows a private contest to who has its code")


def viewer_of(request: Request) -> Actor | None:
    """Who asks; operators see every contest."""
    user: Any = request.user
    if not user.is_authenticated:
        return None
    return Actor(user_id=user.pk, is_staff=user.is_operator, label=user.display_name)


def acting(request: Request) -> Actor:
    """Who asks, where only those who are signed in do."""
    actor = viewer_of(request)
    assert actor is not None
    return actor


def read(kind: type[Serializer], data: Any) -> dict[str, Any]:
    """What was sent, validated. Raises ValidationError."""
    serializer = kind(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def visible(request: Request, slug: str, code: str = "") -> ContestView:
    """The contest if the caller may see it, by an invite code too. Raises NotFound."""
    code = code or str(request.query_params.get("invite_code", ""))[:32]
    return selectors.contest_get(slug, viewer_of(request), code)


def read_or_operate(request: Any) -> list[Any]:
    """Permissions: reading is open, the rest is for operators."""
    return [AllowAny()] if request.method in ("GET", "HEAD", "OPTIONS") else [IsAuthenticated(), IsOperator()]
