"""One shape for every refusal of the API: `{code, message, details}`."""

import logging
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from redis.exceptions import RedisError
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import DomainError

logger = logging.getLogger(__name__)

# DRF error class -> (code, message); None keeps DRF's own message.
_KNOWN: list[tuple[type[exceptions.APIException], str, str | None]] = [
    (exceptions.NotAuthenticated, "not_authenticated", "Sign in to do this."),
    (exceptions.AuthenticationFailed, "token_invalid", "Your token is not valid. Sign in again."),
    (exceptions.PermissionDenied, "forbidden", "You may not do this."),
    (exceptions.NotFound, "not_found", "There is no such thing here."),
    (exceptions.MethodNotAllowed, "method_not_allowed", None),
    (exceptions.NotAcceptable, "not_acceptable", None),
    (exceptions.UnsupportedMediaType, "unsupported_media_type", None),
    (exceptions.ParseError, "malformed", "The request body could not be read as JSON."),
]


class ErrorSerializer(serializers.Serializer):
    """The shape of every refusal."""

    code = serializers.CharField(help_text="What went wrong, for programs")
    message = serializers.CharField(help_text="What went wrong, for people")
    details = serializers.DictField(help_text="Per field or per code; may be empty")


def errors(*statuses: int) -> dict[int, type[ErrorSerializer]]:
    """Refusals for `extend_schema(responses={200: X, **errors(400, 404)})`."""
    return dict.fromkeys(statuses, ErrorSerializer)


def request_id() -> str:
    """The id of the request being served, as in the logs; empty outside a request."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def error_body(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """The error envelope."""
    return {"code": code, "message": message, "details": details or {}}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Turn any exception of an API view into the error envelope. Unexpected ones are logged and tell nothing."""
    set_rollback()
    if isinstance(exc, DomainError):
        headers = {"WWW-Authenticate": 'Bearer realm="api"'} if exc.status == 401 else None
        return Response(exc.as_dict(), status=exc.status, headers=headers)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, exceptions.APIException):
        return _from_drf(exc)
    view = type(context.get("view")).__name__
    logger.exception("unexpected error in %s", view, exc_info=exc)
    if isinstance(exc, OperationalError | InterfaceError | RedisError):
        # A lock that others held for too long, a server that restarts. Orders have keys, so trying again is safe.
        body = error_body("busy", "We cannot do this just now. Try again in a moment.", {"request_id": request_id()})
        return Response(body, status=503, headers={"Retry-After": "1"})
    return Response(
        error_body("internal_error", "Something went wrong on our side.", {"request_id": request_id()}), status=500
    )


def _from_drf(exc: exceptions.APIException) -> Response:
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header  # type: ignore[attr-defined]
    return Response(_drf_body(exc, headers), status=exc.status_code, headers=headers)


def _drf_body(exc: exceptions.APIException, headers: dict[str, str]) -> dict[str, Any]:
    if isinstance(exc, exceptions.ValidationError):
        return error_body("invalid", "Some of what you sent is not valid.", _field_errors(exc.detail))
    if isinstance(exc, exceptions.Throttled):
        wait = int(getattr(exc, "wait", None) or 1)
        headers["Retry-After"] = str(wait)
        return error_body("rate_limited", f"Too many requests. Try again in {wait} s.", {"retry_after": wait})
    for kind, code, message in _KNOWN:
        if isinstance(exc, kind):
            return error_body(code, message or str(exc.detail))
    codes = exc.get_codes()
    return error_body(codes if isinstance(codes, str) else str(exc.default_code), str(exc.detail))


def _field_errors(detail: Any) -> dict[str, Any]:
    """Messages per field; those of no field are under `non_field_errors`."""
    if isinstance(detail, dict):
        return {str(field): _plain(value) for field, value in detail.items()}
    return {"non_field_errors": _plain(detail)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    # Half a surrogate pair, quoted back from what was sent, could not be written as UTF-8.
    return str(value).encode(errors="replace").decode()
