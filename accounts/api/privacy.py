"""Copies of one's data, and leaving."""

from typing import Any, cast

from django.conf import settings
from django.http import FileResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.common import valid
from accounts.domain.privacy import confirms
from accounts.models import User
from accounts.selectors.consents import consents_of
from accounts.selectors.privacy import deletion_waiting, exports_of
from accounts.services import deletion, exports
from accounts.services.proof import proof_require
from accounts.wire_privacy import (
    AgreedOut,
    DeletionIn,
    DeletionOut,
    ExportOut,
    PrivacyOut,
    ProofIn,
    deletion_data,
    export_data,
    export_response,
    unconfirmed,
)
from core.api import errors
from core.errors import NotFound
from core.throttling import address


def me(request: Request) -> User:
    """Who asks."""
    return cast(User, request.user)


def _proved(request: Request, data: dict[str, Any]) -> User:
    user = me(request)
    proof_require(user=user, password=data.pop("password"), code=data.pop("code"))
    return user


class PrivacyView(APIView):
    """Where one stands."""

    @extend_schema(operation_id="me_privacy", tags=["me"], responses={200: PrivacyOut, **errors(401)})
    def get(self, request: Request) -> Response:
        """Copies of your data, a deletion that waits, and what you agreed to."""
        user = me(request)
        return Response(
            {
                "exports": [export_data(view) for view in exports_of(user.pk)],
                "deletion": deletion_data(deletion_waiting(user.pk)),
                "consents": AgreedOut(consents_of(user.pk), many=True).data,
                "deletion_grace_days": settings.DELETION_GRACE_DAYS,
                "export_link_days": settings.EXPORT_LINK_DAYS,
            }
        )


class ExportsView(APIView):
    """Copies of one's data."""

    pagination_class = None

    @extend_schema(operation_id="me_privacy_exports", tags=["me"], responses={200: ExportOut(many=True), **errors(401)})
    def get(self, request: Request) -> Response:
        """The newest copies that you asked for."""
        return Response([export_data(view) for view in exports_of(me(request).pk)])

    @extend_schema(
        operation_id="me_privacy_export_request",
        tags=["me"],
        request=ProofIn,
        responses={202: ExportOut, **errors(400, 401, 403, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Ask for a copy of everything that is held about you. It is built in the background."""
        user = _proved(request, valid(ProofIn, request))
        view = exports.export_request(user_id=user.pk, actor=user, ip=address(request))
        return Response(export_data(view), status=202)


class ExportFileView(APIView):
    """One copy's file."""

    @extend_schema(
        operation_id="me_privacy_export_file",
        tags=["me"],
        responses={
            (200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, description="A ZIP of JSON and CSV"),
            **errors(401, 404, 409, 410),
        },
    )
    def get(self, request: Request, export_id: int) -> FileResponse:
        """Fetch a copy that is ready."""
        return export_response(me(request), export_id, address(request))


class DeletionRequestView(APIView):
    """Leaving."""

    @extend_schema(
        operation_id="me_privacy_deletion_request",
        tags=["me"],
        request=DeletionIn,
        responses={202: DeletionOut, **errors(400, 401, 403, 422, 429)},
    )
    def post(self, request: Request) -> Response:
        """Ask for your account to be deleted. Until its day you can take that back."""
        data = valid(DeletionIn, request)
        if not confirms(data.pop("confirm"), me(request).email):
            raise unconfirmed()
        user = _proved(request, data)
        view = deletion.deletion_request(user_id=user.pk, actor=user, ip=address(request))
        return Response(deletion_data(view), status=202)

    @extend_schema(
        operation_id="me_privacy_deletion_cancel", tags=["me"], request=None, responses={204: None, **errors(401, 404)}
    )
    def delete(self, request: Request) -> Response:
        """Keep your account."""
        user = me(request)
        if not deletion.deletion_cancel(user_id=user.pk, actor=user, ip=address(request)):
            raise NotFound("deletion_not_found", "Your account is not to be deleted.")
        return Response(status=204)


urlpatterns = [
    path("me/privacy", PrivacyView.as_view(), name="me-privacy"),
    path("me/privacy/exports", ExportsView.as_view(), name="me-privacy-exports"),
    path("me/privacy/exports/<int:export_id>/file", ExportFileView.as_view(), name="me-privacy-export-file"),
    path("me/privacy/deletion", DeletionRequestView.as_view(), name="me-privacy-deletion"),
]
