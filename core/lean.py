"""A view that serves its ordinary request without DRF's request, negotiation and response objects (docs/adr/0006)."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ParseError, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import exception_handler
from core.throttling import ScopedThrottle, user_wait

KEY = "HTTP_IDEMPOTENCY_KEY"
Answer = tuple[int, Any]
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_JSON = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
_ANY = frozenset({"", "*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"})


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


_loads = json.JSONDecoder(parse_constant=_refuse_constant).decode


class LeanView(APIView):
    """POST for signed-in users, limited by `throttle_scope`; a subclass says what it does in `act`.

    A POST with a bearer token, a JSON body and no special wishes about the answer is served here, with the same
    authentication class, counters, error envelope and headers. Everything else, refused tokens too, goes through DRF.
    """

    throttle_classes = (ScopedThrottle,)
    throttle_scope: ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Refuse what would hold for one of the two ways only."""
        if {"permission_classes", "throttle_classes", "get_permissions", "get_throttles"} & set(vars(cls)):
            raise TypeError(f"{cls.__name__}: a LeanView is for every signed-in user, with one limit")

    def act(self, user: Any, data: Any, key: str | None) -> Answer:
        """The answer to this user's `data` under this idempotency key: status and body. Refusals are raised."""
        raise NotImplementedError

    def post(self, request: Request) -> Response:
        """The same act, for a request that came through DRF."""
        status, body = self.act(request.user, request.data, request.META.get(KEY))
        return Response(body, status=status)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Serve the ordinary POST; hand over the rest."""
        user = self._signed_in(request) if _is_ordinary(request) else None
        if user is None:
            return super().dispatch(request, *args, **kwargs)
        request.user = user
        try:
            wait = user_wait(self.throttle_scope, user.pk)
            if wait is not None:
                raise Throttled(wait)
            return self._answer(*self.act(user, _data(request), request.META.get(KEY)))
        except Exception as error:  # the handler logs it and answers, as it does for DRF
            refusal = exception_handler(error, {"view": self})
            return self._answer(refusal.status_code, refusal.data, refusal.headers)

    def _signed_in(self, request: HttpRequest) -> Any:
        """The token's user, or None when it is refused: DRF will refuse it again, and say why as it always does."""
        try:
            found = self.authentication_classes[0]().authenticate(request)  # type: ignore[arg-type]
        except Exception:
            return None
        return found[0] if found else None

    def _answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
        # The line separators of JavaScript are escaped, as DRF's renderer does.
        content = _dumps(body).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
        response = HttpResponse(content, content_type="application/json", status=status)
        for name, value in (headers or {}).items():
            if name != "Content-Type":
                response.headers[name] = value
        response.headers["Allow"] = "POST, OPTIONS"
        response.headers["Content-Length"] = str(len(content))
        return response


def _is_ordinary(request: HttpRequest) -> bool:
    meta = request.META
    return (
        request.method == "POST"
        and meta.get("HTTP_AUTHORIZATION", "").startswith("Bearer ")
        and meta.get("CONTENT_TYPE", "").lower() in _JSON
        and meta.get("HTTP_ACCEPT", "") in _ANY
        and meta.get("CONTENT_LENGTH", "0") not in ("", "0")
        and not meta.get("QUERY_STRING")
    )


def _data(request: HttpRequest) -> Any:
    try:
        return _loads(request.body.decode())
    except (ValueError, RecursionError) as error:
        raise ParseError from error
