"""The profile, the avatar, and public profiles."""

from __future__ import annotations

from typing import cast

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import wire_profile as wire
from accounts.models import User
from accounts.selectors.people import person_public
from accounts.selectors.profile import profile_of
from accounts.services import avatars, profile
from core.api import errors
from core.errors import Invalid
from core.throttling import address


class MyProfileView(APIView):
    """One's own profile."""

    @extend_schema(operation_id="profile", responses={200: wire.MyProfileOut, **errors(401, 403, 404)})
    def get(self, request: Request) -> Response:
        """Name, handle, picture, and how things are shown."""
        return Response(wire.profile_data(profile_of(cast(User, request.user).pk)))

    @extend_schema(
        operation_id="profile_update",
        request=wire.MyProfileIn,
        responses={200: wire.MyProfileOut, **errors(400, 401, 403, 404, 409)},
    )
    def patch(self, request: Request) -> Response:
        """Change some of it: all of the changes hold, or none."""
        serializer = wire.MyProfileIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        user_id = cast(User, request.user).pk
        mine = profile.profile_update(user_id=user_id, changes=serializer.validated_data, ip=address(request))
        return Response(wire.profile_data(mine))


class AvatarView(APIView):
    """One's own picture."""

    parser_classes = (MultiPartParser,)
    throttle_scope = "uploads"

    @extend_schema(
        operation_id="avatar_set",
        request={"multipart/form-data": wire.AvatarIn},
        responses={200: wire.MyProfileOut, **errors(400, 401, 403, 404, 413, 415, 429)},
    )
    def put(self, request: Request) -> Response:
        """Send a JPEG, PNG, WebP or GIF of at most 4 MB. It is cut to a square and written anew."""
        file = request.FILES.get("avatar")
        if file is None:
            raise Invalid("avatar_not_image", "Send the picture as `avatar`.", {"avatar": ["Send a picture."]})
        avatars.size_check(file.size or 0)
        mine = avatars.avatar_set(user_id=cast(User, request.user).pk, data=file.read(), ip=address(request))
        return Response(wire.profile_data(mine))

    @extend_schema(operation_id="avatar_remove", responses={204: None, **errors(401, 403, 404, 429)})
    def delete(self, request: Request) -> Response:
        """Remove it."""
        avatars.avatar_remove(user_id=cast(User, request.user).pk, ip=address(request))
        return Response(status=204)


class PersonView(APIView):
    """A public page."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="person", responses={200: wire.PersonOut, **errors(404)})
    def get(self, request: Request, handle: str) -> Response:
        """What a person shows to everyone; 404 where they do not."""
        return Response(wire.person_data(person_public(handle, request.user.pk)))


urlpatterns = [
    path("me/profile", MyProfileView.as_view(), name="api-profile"),
    path("me/avatar", AvatarView.as_view(), name="api-avatar"),
    path("people/<str:handle>", PersonView.as_view(), name="api-person"),
]
