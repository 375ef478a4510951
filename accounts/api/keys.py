"""One's own API keys. They are made, changed and revoked by people who have signed in, never by a key."""

from typing import cast

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import serializers_keys as wire
from accounts.api.common import client_of_api, valid
from accounts.models import User
from accounts.selectors.keys import keys_of
from accounts.services import keys as service
from accounts.services.proof import proof_require
from core.api import errors
from core.pagination import PagePagination


def _user(request: Request) -> User:
    return cast(User, request.user)


class KeyListView(APIView):
    """One's own keys."""

    pagination_class = PagePagination

    @extend_schema(operation_id="keys_list", responses={200: wire.KeyOut(many=True), **errors(401, 403)})
    def get(self, request: Request) -> Response:
        """All keys, the newest first; those that were revoked or have expired too."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(keys_of(_user(request).pk), request, view=self) or []
        return paginator.get_paginated_response(wire.KeyOut(page, many=True).data)

    @extend_schema(
        operation_id="keys_create",
        request=wire.KeyIn,
        responses={201: wire.KeyMadeOut, **errors(400, 401, 403, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Make a key. The key itself is in this answer and nowhere else."""
        data = valid(wire.KeyIn, request)
        client = client_of_api(request)
        proof_require(user=_user(request), password=data.pop("password"), code=data.pop("code"), ip=client.ip)
        made = service.key_create(actor=_user(request), client=client, **data)
        told = {**wire.KeyOut(made.row).data, "key": made.text}
        return Response(told, status=201, headers={"Cache-Control": "no-store"})


class KeyView(APIView):
    """One of one's own keys."""

    @extend_schema(
        operation_id="keys_update",
        request=wire.KeyEditIn,
        responses={200: wire.KeyOut, **errors(400, 401, 403, 404, 409)},
    )
    def patch(self, request: Request, key_id: int) -> Response:
        """Change the name of a key, or from where it may be used."""
        data = valid(wire.KeyEditIn, request)
        row = service.key_edit(actor=_user(request), key_id=key_id, client=client_of_api(request), **data)
        return Response(wire.KeyOut(row).data)

    @extend_schema(operation_id="keys_revoke", responses={200: wire.KeyOut, **errors(401, 403, 404)})
    def delete(self, request: Request, key_id: int) -> Response:
        """Revoke a key. It is refused from now on; revoking it again changes nothing."""
        row = service.key_revoke(actor=_user(request), key_id=key_id, client=client_of_api(request))
        return Response(wire.KeyOut(row).data)


urlpatterns = [
    path("me/keys", KeyListView.as_view(), name="me-keys"),
    path("me/keys/<int:key_id>", KeyView.as_view(), name="me-key"),
]
