"""Plans, the one that somebody has, and what renews."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from core.api import errors
from payments import entitlements
from payments import wire_plans as wire
from payments.api.common import IDEMPOTENCY, key_of, user_of
from payments.selectors.plans import holding_of, plans_offered, subscription_of
from payments.services import subscriptions

_ACT: dict[str, Any] = {
    "tags": ["plans"],
    "parameters": [IDEMPOTENCY],
    "responses": {200: wire.PlanSubscriptionOut, **errors(400, 401, 403, 404, 409, 503)},
}


class PlanListView(APIView):
    """What is offered."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="plans_list", tags=["plans"], responses={200: wire.PlanOut(many=True)})
    def get(self, _request: Request) -> Response:
        """All plans that can be had, the smallest first, with their prices."""
        return Response(wire.PlanOut(plans_offered(), many=True).data)


class MyPlanView(APIView):
    """One's own plan."""

    @extend_schema(operation_id="plan_mine", tags=["plans"], responses={200: wire.MyPlanOut, **errors(401)})
    def get(self, request: Request) -> Response:
        """The plan that one has now, what it allows, and what is left of it."""
        user_id = user_of(request).pk
        has = holding_of(user_id)
        told = {
            "plan": has.plan,
            "until": has.until,
            "entitlements": entitlements.entitlements(user_id),
            "subscription": subscription_of(user_id),
        }
        return Response(wire.MyPlanOut(told).data)


class ChangeView(APIView):
    """Another plan."""

    @extend_schema(operation_id="subscription_change", request=wire.ChangeIn, **_ACT)
    def post(self, request: Request) -> Response:
        """Renew at another price: at once when it is more, from the next period when it is less."""
        data = valid(wire.ChangeIn, request)
        done = subscriptions.subscription_change(
            actor=user_of(request), price_code=data["price"], idempotency_key=key_of(request)
        )
        return Response(wire.PlanSubscriptionOut(done).data)


class CancelView(APIView):
    """The end."""

    @extend_schema(operation_id="subscription_cancel", request=None, **_ACT)
    def post(self, request: Request) -> Response:
        """End the plan when what is paid for ends."""
        done = subscriptions.subscription_cancel(actor=user_of(request), idempotency_key=key_of(request))
        return Response(wire.PlanSubscriptionOut(done).data)


class ResumeView(APIView):
    """Not the end."""

    @extend_schema(operation_id="subscription_resume", request=None, **_ACT)
    def post(self, request: Request) -> Response:
        """Take back a cancellation."""
        done = subscriptions.subscription_resume(actor=user_of(request), idempotency_key=key_of(request))
        return Response(wire.PlanSubscriptionOut(done).data)


class PortalView(APIView):
    """How one pays."""

    @extend_schema(
        operation_id="subscription_portal",
        tags=["plans"],
        request=None,
        responses={200: wire.UrlOut, **errors(401, 404, 503)},
    )
    def post(self, request: Request) -> Response:
        """The provider's page on which to change how one pays."""
        return Response({"url": subscriptions.portal_url(actor=user_of(request))})


urlpatterns = [
    path("plans", PlanListView.as_view(), name="api-plans"),
    path("my-plan", MyPlanView.as_view(), name="api-my-plan"),
    path("subscription/change", ChangeView.as_view(), name="api-subscription-change"),
    path("subscription/cancel", CancelView.as_view(), name="api-subscription-cancel"),
    path("subscription/resume", ResumeView.as_view(), name="api-subscription-resume"),
    path("subscription/portal", PortalView.as_view(), name="api-subscription-portal"),
]
