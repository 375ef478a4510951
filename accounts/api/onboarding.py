"""Onboarding and consents."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts import wire_onboarding as wire
from accounts.clients import client_of
from accounts.models import User
from accounts.selectors.profile import progress_of
from accounts.selectors.standing import standing_of
from accounts.services import consents, onboarding
from core.api import errors


def _valid(kind: type[Serializer], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return cast(dict[str, Any], serializer.validated_data)


def _answer(user_id: int) -> Response:
    user = User.objects.get(pk=user_id)
    return Response(wire.onboarding_data(progress_of(user), standing_of(user)))


class OnboardingView(APIView):
    """How far one has come."""

    @extend_schema(operation_id="onboarding", responses={200: wire.OnboardingOut, **errors(401, 403, 404)})
    def get(self, request: Request) -> Response:
        """The steps, what is missing, and the texts in force."""
        return _answer(cast(User, request.user).pk)


class WhereView(APIView):
    """Where one lives."""

    @extend_schema(
        operation_id="onboarding_where",
        request=wire.WhereIn,
        responses={200: wire.OnboardingOut, **errors(400, 401, 403, 404, 409)},
    )
    def put(self, request: Request) -> Response:
        """Country, region where it matters, date of birth."""
        user_id = cast(User, request.user).pk
        onboarding.where_set(user_id=user_id, client=client_of(request), **_valid(wire.WhereIn, request))
        return _answer(user_id)


class ExperienceView(APIView):
    """Experience and risk tolerance."""

    @extend_schema(
        operation_id="onboarding_experience",
        request=wire.ExperienceIn,
        responses={200: wire.OnboardingOut, **errors(400, 401, 403, 404)},
    )
    def put(self, request: Request) -> Response:
        """How long one has traded, and how much risk suits."""
        user_id = cast(User, request.user).pk
        onboarding.experience_set(user_id=user_id, client=client_of(request), **_valid(wire.ExperienceIn, request))
        return _answer(user_id)


class ConsentView(APIView):
    """The texts."""

    @extend_schema(
        operation_id="onboarding_consent",
        request=wire.ConsentIn,
        responses={200: wire.OnboardingOut, **errors(400, 401, 403, 404, 409, 503)},
    )
    def post(self, request: Request) -> Response:
        """Accept the texts in force, each by its id. A version that is not in force any more is `text_outdated`."""
        user_id = cast(User, request.user).pk
        given = _valid(wire.ConsentIn, request)["texts"]
        consents.consent_give(user_id=user_id, text_ids=given, client=client_of(request))
        return _answer(user_id)


urlpatterns = [
    path("me/onboarding", OnboardingView.as_view(), name="api-onboarding"),
    path("me/onboarding/where", WhereView.as_view(), name="api-onboarding-where"),
    path("me/onboarding/experience", ExperienceView.as_view(), name="api-onboarding-experience"),
    path("me/onboarding/consent", ConsentView.as_view(), name="api-onboarding-consent"),
]
