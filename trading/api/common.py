"""What the views share: who asks, pages of lists, answers about orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.lean import KEY, Answer
from core.pagination import PagePagination
from trading import selectors
from trading.domain import states
from trading.domain.types import Actor, OrderView
from trading.domain.views import AccountView

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body again give the first answer; the same key with another body gives 409.",
)
DAYS = [
    OpenApiParameter("from", str, description="First day of market time, such as 2026-01-31"),
    OpenApiParameter("to", str, description="Last day of market time, inclusive"),
]


def actor_of(request: Request) -> Actor | None:
    """Who sends the request; None for an anonymous one."""
    user: Any = request.user
    if not user.is_authenticated:
        return None
    return Actor(user_id=user.pk, is_staff=user.is_operator, label=user.display_name)


def signed_in(request: Request) -> Actor:
    """Who sends the request, to a view that wants a sign-in."""
    actor = actor_of(request)
    assert actor is not None
    return actor


def user_id_of(request: Request) -> int:
    """The user who sends the request, to a view that wants a sign-in."""
    return int(request.user.pk or 0)


def key_of(request: Request) -> str | None:
    """The request's idempotency key."""
    return request.META.get(KEY)


def page_of(
    view: APIView,
    request: Request,
    rows: QuerySet[Any] | Sequence[Any],
    render: Callable[[Sequence[Any]], list[Any]],
) -> Response:
    """One page of `rows`, rendered."""
    paginator = PagePagination()
    page = paginator.paginate_queryset(rows, request, view=view) or []
    return paginator.get_paginated_response(render(page))


def answer(view: OrderView, *, done: int = 201) -> Answer:
    """`done` for an order that was taken (200 when replayed), 422 with the error envelope for a denied one."""
    body = view.to_json()
    if view.status == states.DENIED:
        return 422, {"code": view.code, "message": view.message, "details": {**view.details, "order": body}}
    return 200 if view.replayed else done, body


class AccountPart(APIView):
    """A part of an account: read by whoever may see it, changed by its owner, who has a limit for that."""

    permission_classes: tuple[type[BasePermission], ...] = (IsAuthenticatedOrReadOnly,)

    @property
    def throttle_scope(self) -> str | None:
        """Changes count as orders; reading does not."""
        return None if self.request.method in SAFE_METHODS else "orders"

    def account(self, request: Request, account_id: int) -> AccountView:
        """The account; NotFound when the caller may not see it."""
        return selectors.account_get(account_id, actor_of(request))
