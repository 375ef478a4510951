"""The identity check."""

from typing import cast

from django.urls import path
from django_countries import countries
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import wire_identity as wire
from accounts.api.common import valid
from accounts.models import User
from accounts.selectors.identity import identity_of
from accounts.services import identity
from core.api import errors
from core.throttling import address


def _id(request: Request) -> int:
    return cast(User, request.user).pk


class IdentityView(APIView):
    """One's own check."""

    @extend_schema(operation_id="identity", tags=["me"], responses={200: wire.IdentityOut, **errors(401, 403)})
    def get(self, request: Request) -> Response:
        """Where it stands."""
        return Response(wire.identity_data(identity_of(_id(request))))

    @extend_schema(
        operation_id="identity_details",
        tags=["me"],
        request=wire.IdentityIn,
        responses={200: wire.IdentityOut, **errors(400, 401, 403, 409)},
    )
    def post(self, request: Request) -> Response:
        """Say who you are; begins an application, or changes one that is not sent."""
        data = valid(wire.IdentityIn, request)
        view = identity.identity_details(user_id=_id(request), countries=list(dict(countries)), **data)
        return Response(wire.identity_data(view))


class IdentityDocumentsView(APIView):
    """Documents of one's own check."""

    parser_classes = (MultiPartParser,)
    throttle_scope = "uploads"

    @extend_schema(
        operation_id="identity_document",
        tags=["me"],
        request={"multipart/form-data": wire.IdentityDocumentIn},
        responses={200: wire.IdentityOut, **errors(400, 401, 403, 409, 413, 415, 429)},
    )
    def post(self, request: Request) -> Response:
        """Send one, in place of one of its kind."""
        data = valid(wire.IdentityDocumentIn, request)
        identity.size_check(data["file"].size or 0)
        view = identity.document_add(
            user_id=_id(request), kind=data["kind"], data=data["file"].read(), ip=address(request)
        )
        return Response(wire.identity_data(view))


class IdentitySubmitView(APIView):
    """Sending it."""

    @extend_schema(
        operation_id="identity_submit",
        tags=["me"],
        request=None,
        responses={200: wire.IdentityOut, **errors(400, 401, 403, 409)},
    )
    def post(self, request: Request) -> Response:
        """Send the application; it cannot be changed until it is decided."""
        return Response(wire.identity_data(identity.identity_submit(user_id=_id(request), ip=address(request))))


urlpatterns = [
    path("me/identity", IdentityView.as_view(), name="api-identity"),
    path("me/identity/documents", IdentityDocumentsView.as_view(), name="api-identity-documents"),
    path("me/identity/submit", IdentitySubmitView.as_view(), name="api-identity-submit"),
]
