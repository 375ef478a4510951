"""A view that serves its ordinary request without DRF's request, negotiation and response objects (docs/adr/0006)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ParseError, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import exception_handler
from core.postgres.direct import settle
from core.postgres.guard import Guard, RefusedError, guarded
from core.throttling import ScopedThrottle, user_wait

KEY = "HTTP_IDEMPOTENCY_KEY"
Answer = tuple[int, Any]
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_JSON = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
_ANY = frozenset({"", "*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"})


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


_loads = json.JSONDecoder(parse_constant=_refuse_constant).decode


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the log names."""

    pk: int


class LeanView(APIView):
    """POST for signed-in users, limited by `throttle_scope`; a subclass says what it does in `act`.

    A POST with a bearer token or an API key, a JSON body and no special wishes about the answer is served here, with
    the same authentication classes, counters, error envelope and headers. Everything else, refused callers too, goes
    through DRF. Authentication classes that know `ahead` are asked in their order: whether the user may come in is
    asked together with the first thing that `act` asks of the database, which is not done when the answer is no.
    """

    throttle_classes = (ScopedThrottle,)
    throttle_scope: ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Refuse what would hold for one of the two ways only."""
        if {"permission_classes", "throttle_classes", "get_permissions", "get_throttles"} & set(vars(cls)):
            raise TypeError(f"{cls.__name__}: a LeanView is for every signed-in user, with one limit")

    def act(self, user_id: int, data: Any, key: str | None) -> Answer:
        """The answer to this user's `data` under this idempotency key: status and body. Refusals are raised."""
        raise NotImplementedError

    def post(self, request: Request) -> Response:
        """The same act, for a request that came through DRF."""
        status, body = self.act(int(request.user.pk or 0), request.data, request.META.get(KEY))
        return Response(body, status=status)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Serve the ordinary POST of a user who may come in; hand over the rest."""
        found = self._ahead(request) if _is_ordinary(request) else None
        if found is not None:
            user_id, guard = found
            try:
                with guarded(guard):
                    answer = self._serve(request, user_id)
                request.user = Caller(user_id)  # type: ignore[assignment]
                return answer
            except RefusedError:
                pass  # DRF refuses it as well, and says why.
        return super().dispatch(request, *args, **kwargs)

    def _ahead(self, request: HttpRequest) -> tuple[int, Guard] | None:
        for kind in self.authentication_classes:
            ahead: Any = getattr(kind(), "ahead", None)
            found: tuple[int, Guard] | None = ahead(request, self) if ahead is not None else None
            if found is not None:
                return found
        return None

    def _serve(self, request: HttpRequest, user_id: int) -> HttpResponse:
        try:
            try:
                answer = self._act(request, user_id)
            finally:
                settle()  # Whatever came of it, it is only for who may come in.
            return self._answer(*answer)
        except RefusedError:
            raise
        except Exception as error:
            refusal = exception_handler(error, {"view": self})
            return self._answer(refusal.status_code, refusal.data, refusal.headers)

    def _act(self, request: HttpRequest, user_id: int) -> Answer:
        wait = user_wait(self.throttle_scope, user_id)
        if wait is not None:
            raise Throttled(wait)
        return self.act(user_id, _data(request), request.META.get(KEY))

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
        and (meta.get("HTTP_AUTHORIZATION", "").startswith(("Bearer ", "Api-Key ")) or "HTTP_X_API_KEY" in meta)
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
