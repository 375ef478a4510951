"""Plans before they are bought, and their odds."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from core.api import errors
from core.pagination import PagePagination
from core.throttling import address, limit
from propfirm.domain.odds_types import Habits
from propfirm.selectors.plans import definition_of, plan_by_id, plan_offered, plans_offered
from propfirm.services.odds import odds_for, style_for
from propfirm.services.purchases import plan_of
from propfirm.wire import odds as odds_wire
from propfirm.wire import plans as wire

_ADD_ONS = OpenApiParameter("add_ons", str, description="Codes with commas between: rules and price as they are then")


class PropPlansView(APIView):
    """What is sold."""

    permission_classes = (AllowAny,)
    pagination_class = PagePagination

    @extend_schema(operation_id="prop_plans", responses={200: wire.PropPlanOut(many=True)})
    def get(self, request: Request) -> Response:
        """Plans that are sold now, in the order of the comparison, with their rules in words."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(plans_offered(), request, view=self) or []
        return paginator.get_paginated_response([wire.plan_data(plan) for plan in page])


class PropPlanVersionView(APIView):
    """A version of a plan."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="prop_plan_version", responses={200: wire.PropPlanOut, **errors(404)})
    def get(self, _request: Request, plan_id: int) -> Response:
        """A version that was ever sold, by its id: who bought it keeps it."""
        return Response(wire.plan_data(plan_by_id(plan_id)))


class PropPlanView(APIView):
    """A plan that is sold."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="prop_plan", parameters=[_ADD_ONS],
                   responses={200: wire.PropPlanOut, **errors(400, 404)})  # fmt: skip
    def get(self, request: Request, code: str) -> Response:
        """A plan that is sold now, by its code; with add-ons, its rules and price as they would be."""
        names = request.query_params.get("add_ons", "")[:400].split(",")
        chosen = sorted({name.strip() for name in names if name.strip()})
        return Response(wire.plan_data(plan_offered(code, chosen), chosen))


class PropOddsView(APIView):
    """Odds."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="prop_plan_odds", request=odds_wire.PropOddsIn,
                   responses={200: odds_wire.PropOddsOut, **errors(400, 404, 409, 429)})  # fmt: skip
    def post(self, request: Request, code: str) -> Response:
        """Play a plan's own rules with thousands of simulated accounts that trade as you say. An estimate, no promise.

        `preset: "own"` draws from your own closed trades, and needs a sign-in.
        """
        data = valid(odds_wire.PropOddsIn, request)
        plan = plan_of(code)
        read, add_ons = definition_of(plan), sorted(set(data["add_ons"]))
        price = read.price_with(add_ons)
        user_id = request.user.pk
        limit("odds", f"user:{user_id}" if user_id else f"ip:{address(request)}")
        found = odds_for(
            rule_sets=[read.rule_set(index, add_ons) for index in range(len(read.phases))],
            initial_minor=plan.size_minor,
            price_minor=price,
            currency=plan.currency,
            style=style_for(data, user_id),
            paths=data["paths"],
            seed=data["seed"],
            habits=Habits(max_resets=data["max_resets"]),
            horizon_days=data["horizon_days"],
        )
        return Response({"plan": plan.code, "version": plan.version, "add_ons": add_ons, **found.to_json()})


urlpatterns = [
    path("prop-firm/plans", PropPlansView.as_view(), name="api-prop-plans"),
    path("prop-firm/plans/<int:plan_id>", PropPlanVersionView.as_view(), name="api-prop-plan-version"),
    path("prop-firm/plans/<slug:code>", PropPlanView.as_view(), name="api-prop-plan"),
    path("prop-firm/plans/<slug:code>/odds", PropOddsView.as_view(), name="api-prop-plan-odds"),
]
