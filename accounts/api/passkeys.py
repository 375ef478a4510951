"""Signing in without a password: codes by mail or text message, and passkeys."""

from allauth.core import context
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import serializers
from accounts.api.common import PublicView, client_of_api, valid
from accounts.api.cookies import pair_response
from accounts.services import codes, phones, tickets, token_sign_in
from core.api import errors
from core.throttling import limit_attempts

_TOKENS = {200: serializers.TokenOut, **errors(400, 401, 403, 429)}
_NO_STORE = {"Cache-Control": "no-store"}


class CodeView(PublicView):
    """Ask for a code."""

    @extend_schema(
        operation_id="auth_code",
        auth=[],
        request=serializers.CodeRequestIn,
        responses={202: serializers.TicketOut, **errors(400, 429, 503)},
    )
    def post(self, request: Request) -> Response:
        """Have a code sent by mail or text message. The answer is the same for unknown addresses and numbers."""
        data = valid(serializers.CodeRequestIn, request)
        limit_attempts(request)
        if "email" in data:
            ticket = codes.signin_code_request(channel=codes.EMAIL, to=data["email"])
        else:
            ticket = codes.signin_code_request(channel=codes.SMS, to=phones.phone_clean(data["phone"]))
        return Response({"ticket": ticket, "expires_in": codes.LIFETIME}, status=202, headers=_NO_STORE)


class CodeConfirmView(PublicView):
    """Sign in with a code."""

    @extend_schema(operation_id="auth_code_confirm", auth=[], request=serializers.CodeIn, responses=_TOKENS)
    def post(self, request: Request) -> Response:
        """Exchange a code and its ticket for a token pair; a second factor is asked for afterwards."""
        data = valid(serializers.CodeIn, request)
        limit_attempts(request)
        cookie = data.pop("cookie")
        return pair_response(request, token_sign_in.by_code(**data, client=client_of_api(request)), cookie=cookie)


class PasskeyBeginView(PublicView):
    """Ask for a challenge."""

    @extend_schema(
        operation_id="auth_passkey_begin",
        auth=[],
        request=serializers.PasskeyBeginIn,
        responses={200: serializers.PasskeyBeginOut, **errors(400, 401, 429)},
    )
    def post(self, request: Request) -> Response:
        """Options for the authenticator. With the ticket of `second_factor_required`, for that user's passkeys."""
        data = valid(serializers.PasskeyBeginIn, request)
        with context.request_context(request._request):
            options, ticket = token_sign_in.passkey_options(ticket=data["ticket"])
        told = {"options": options, "ticket": ticket, "expires_in": tickets.LIFETIME}
        return Response(told, headers=_NO_STORE)


class PasskeyCompleteView(PublicView):
    """Sign in with a passkey."""

    @extend_schema(operation_id="auth_passkey_complete", auth=[], request=serializers.PasskeyIn, responses=_TOKENS)
    def post(self, request: Request) -> Response:
        """Exchange the authenticator's answer for a token pair. A passkey alone needs no second factor."""
        data = valid(serializers.PasskeyIn, request)
        limit_attempts(request)
        cookie = data.pop("cookie")
        with context.request_context(request._request):
            pair = token_sign_in.by_passkey(**data, client=client_of_api(request))
        return pair_response(request, pair, cookie=cookie)


urlpatterns = [
    path("auth/code", CodeView.as_view(), name="auth-code"),
    path("auth/code/confirm", CodeConfirmView.as_view(), name="auth-code-confirm"),
    path("auth/passkey/begin", PasskeyBeginView.as_view(), name="auth-passkey-begin"),
    path("auth/passkey/complete", PasskeyCompleteView.as_view(), name="auth-passkey-complete"),
]
