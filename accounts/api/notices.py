"""Notifications and preferences."""

from typing import cast

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from accounts.models import PushSubscription, User
from accounts.selectors import notices as selectors
from accounts.services import notice_choices, notices, push_subscriptions
from accounts.wire_notices import (
    NoticeOut,
    NoticeQuery,
    ReadIn,
    SubscriptionEndIn,
    SubscriptionIn,
    SubscriptionOut,
    UnreadOut,
    WishesIn,
    WishesOut,
    wishes_data,
)
from core.api import errors
from core.pagination import CursorPagination


def _user(request: Request) -> User:
    return cast(User, request.user)


class NoticeListView(APIView):
    """What one was told."""

    pagination_class = CursorPagination

    @extend_schema(
        operation_id="notifications_list",
        tags=["me"],
        parameters=[
            NoticeQuery,
            OpenApiParameter("cursor", OpenApiTypes.STR, description="Where the page begins, from `next`"),
            OpenApiParameter("pageSize", OpenApiTypes.INT, description="At most 200"),
        ],
        responses={200: NoticeOut(many=True), **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Your notifications, newest first; unread only with `unread=true`."""
        query = NoticeQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = selectors.notices_of(_user(request).pk, **query.validated_data)
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(NoticeOut(page, many=True).data)


class NoticeReadView(APIView):
    """Marking as read."""

    @extend_schema(
        operation_id="notifications_read",
        tags=["me"],
        request=ReadIn,
        responses={200: UnreadOut, **errors(400, 401, 403)},
    )
    def post(self, request: Request) -> Response:
        """Mark these notifications as read, or all. What is not yours is left alone."""
        data = valid(ReadIn, request)
        left = notices.notices_read(user_id=_user(request).pk, ids=data.get("ids"))
        return Response({"unread": left})


class WishesView(APIView):
    """What one wants to be told."""

    @extend_schema(operation_id="notification_preferences", tags=["me"], responses={200: WishesOut, **errors(401, 403)})
    def get(self, request: Request) -> Response:
        """What you are told, how and when."""
        return Response(wishes_data(selectors.wishes_of(_user(request))))

    @extend_schema(
        operation_id="notification_preferences_change",
        tags=["me"],
        request=WishesIn,
        responses={200: WishesOut, **errors(400, 401, 403)},
    )
    def put(self, request: Request) -> Response:
        """Change what you are told. What is left out stays as it is."""
        data = valid(WishesIn, request)
        choices = {(item["kind"], item["channel"]): item["is_on"] for item in data.pop("choices", [])}
        notice_choices.wishes_save(user_id=_user(request).pk, choices=choices, **data)
        return Response(wishes_data(selectors.wishes_of(_user(request))))


class SubscriptionView(APIView):
    """Browsers that take web push."""

    @extend_schema(
        operation_id="push_subscriptions_list",
        tags=["me"],
        responses={200: SubscriptionOut(many=True), **errors(401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Your browsers that take web push; at most ten."""
        rows = PushSubscription.objects.filter(user_id=_user(request).pk).order_by("-pk")
        return Response(SubscriptionOut(rows[: push_subscriptions.MOST], many=True).data)

    @extend_schema(
        operation_id="push_subscribe",
        tags=["me"],
        request=SubscriptionIn,
        responses={201: SubscriptionOut, **errors(400, 401, 403, 503)},
    )
    def post(self, request: Request) -> Response:
        """Have a browser take web push. The same browser again is the same subscription."""
        data = valid(SubscriptionIn, request)
        agent = request.headers.get("User-Agent", "")
        row = push_subscriptions.push_subscribe(user_id=_user(request).pk, user_agent=agent, **data)
        return Response(SubscriptionOut(row).data, status=201)

    @extend_schema(
        operation_id="push_unsubscribe",
        tags=["me"],
        request=SubscriptionEndIn,
        responses={204: None, **errors(400, 401, 403)},
    )
    def delete(self, request: Request) -> Response:
        """Have a browser take web push no more. For one that is not yours, nothing happens."""
        data = valid(SubscriptionEndIn, request)
        push_subscriptions.push_unsubscribe(user_id=_user(request).pk, endpoint=data["endpoint"])
        return Response(status=204)


urlpatterns = [
    path("me/notifications", NoticeListView.as_view(), name="me-notifications"),
    path("me/notifications/read", NoticeReadView.as_view(), name="me-notifications-read"),
    path("me/notifications/preferences", WishesView.as_view(), name="me-notification-preferences"),
    path("me/push-subscriptions", SubscriptionView.as_view(), name="me-push-subscriptions"),
]
