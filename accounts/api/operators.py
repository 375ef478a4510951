"""What moderators do to users."""

from typing import cast

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from accounts.models import User
from accounts.permissions import IsOperator
from accounts.services import suspension
from core.api import errors
from core.throttling import address


class SuspendIn(serializers.Serializer):
    """Why, and until when."""

    reason = serializers.CharField(max_length=300, help_text="Told to the person")
    until = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Empty: until reinstated"
    )


class ReinstateIn(serializers.Serializer):
    """Why."""

    reason = serializers.CharField(max_length=300)


class StandingOut(serializers.Serializer):
    """A user's status."""

    id = serializers.IntegerField()
    display_name = serializers.CharField()
    status = serializers.ChoiceField(choices=User.Status.choices)
    suspended_until = serializers.DateTimeField(allow_null=True)
    suspended_reason = serializers.CharField(allow_blank=True)


class SuspendView(APIView):
    """Suspending."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="user_suspend",
        tags=["operators"],
        request=SuspendIn,
        responses={200: StandingOut, **errors(400, 401, 403, 404)},
    )
    def post(self, request: Request, user_id: int) -> Response:
        """Refuse a user everywhere at once; resting orders are cancelled, positions stay."""
        actor = cast(User, request.user)
        data = valid(SuspendIn, request)
        user = suspension.user_suspend(actor=actor, user_id=user_id, ip=address(request), **data)
        return Response(StandingOut(user).data)


class ReinstateView(APIView):
    """Letting back in."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="user_reinstate",
        tags=["operators"],
        request=ReinstateIn,
        responses={200: StandingOut, **errors(400, 401, 403, 404)},
    )
    def post(self, request: Request, user_id: int) -> Response:
        """Let a suspended user back in."""
        actor = cast(User, request.user)
        data = valid(ReinstateIn, request)
        user = suspension.user_reinstate(actor=actor, user_id=user_id, ip=address(request), **data)
        return Response(StandingOut(user).data)


urlpatterns = [
    path("users/<int:user_id>/suspend", SuspendView.as_view(), name="api-user-suspend"),
    path("users/<int:user_id>/reinstate", ReinstateView.as_view(), name="api-user-reinstate"),
]
