"""Request plumbing: a limit on bodies, forgiving addresses, a short way to the API."""

import logging
import re
from collections.abc import Callable
from functools import lru_cache, partial
from io import BytesIO
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import ResolverMatch, get_urlconf, resolve
from django.utils.cache import patch_vary_headers
from django_structlog.middlewares import RequestMiddleware

from core.flags import MAINTENANCE, flag_on
from core.throttling import address
from core.web import maintenance, page_not_found
from core.whence import address_by

# django-structlog's own, to know whether a line would be written before it is put together.
logger = logging.getLogger("django_structlog.middlewares.request")
GetResponse = Callable[[HttpRequest], HttpResponse]

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
API = "/api/"
API_V1 = "/api/v1/"
V1 = "/v1/"
SAFE = ("GET", "HEAD", "OPTIONS")
DURING_MAINTENANCE = ("/admin/", "/sign-in", "/sign-out", "/reauthenticate", "/api/v1/auth/")
# First path segments under /api/ that are what they say, not aliases of /api/v1/.
NOT_ALIASED = ("v1", "schema", "docs")


def _refuse(status: int, code: str, message: str, details: dict[str, Any] | None = None) -> JsonResponse:
    return JsonResponse({"code": code, "message": message, "details": details or {}}, status=status)


class RequestLogMiddleware(RequestMiddleware):
    """One structured log line a request, by django-structlog: its id, the user's id, method, path and status.

    Query strings and addresses stay out of the log. A well-formed X-Request-ID of the caller is kept; every response
    tells its id.
    """

    def prepare(self, request: HttpRequest) -> None:
        """Bind the request's id to everything that is logged while it is served, its address to what is audited."""
        address_by(partial(address, request))
        upstream = request.META.get("HTTP_X_REQUEST_ID", "")
        if REQUEST_ID.fullmatch(upstream):
            super().prepare(request)
            structlog.contextvars.bind_contextvars(request_id=upstream)
        elif logger.isEnabledFor(logging.DEBUG) or "HTTP_X_CORRELATION_ID" in request.META:
            super().prepare(request)
        else:
            structlog.contextvars.bind_contextvars(request_id=str(uuid4()))

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        """Log the outcome."""
        address_by(None)
        response.headers["X-Request-ID"] = structlog.contextvars.get_contextvars().get("request_id", "")
        if logger.isEnabledFor(logging.INFO) or response.streaming or hasattr(request, "_raised_exception"):
            super().handle_response(request, response)
        else:
            structlog.contextvars.clear_contextvars()

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Method and path, without the query."""
        return f"{request.method} {request.path}"


class FlagsMiddleware:
    """During maintenance nothing is written: what would write is refused, but for operators' pages and signing in.

    Reading goes on. The switch may be up to a second old (core.flags).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 503 to what would write; pass everything else on."""
        if request.method in SAFE or canonical_path(request.path_info).startswith(DURING_MAINTENANCE):
            return self.get_response(request)
        flag = flag_on(MAINTENANCE)
        if flag is None:
            return self.get_response(request)
        response = maintenance(request, flag.message, flag.details())
        response.headers["Retry-After"] = "60"
        return response


class MissingPageMiddleware:
    """Shows our own page for what a view did not find: in local mode Django would show its technical one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass everything on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 404 to what is not there; leave everything else to Django."""
        return page_not_found(request, exception) if isinstance(exception, Http404) else None


class BodyLimitMiddleware:
    """Refuses bodies longer than settings.MAX_BODY_BYTES, by their declared length or else by reading them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 413 to a body that is too large; pass everything else on."""
        return self._refusal(request) or self.get_response(request)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        is_upload = canonical_path(request.path_info) in settings.UPLOAD_PATHS
        limit: int = settings.MAX_UPLOAD_BYTES if is_upload else settings.MAX_BODY_BYTES
        if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            return self._read_chunked(request, limit)
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if not (declared.isascii() and declared.isdigit()):
            return _refuse(400, "invalid", "The Content-Length header is not a number.")
        return self._too_large(limit) if int(declared) > limit else None

    def _read_chunked(self, request: HttpRequest, limit: int) -> HttpResponse | None:
        """Read a body without a declared length, up to the limit, and give it one: Django would ignore it."""
        stream = request.META.get("wsgi.input")
        if stream is None or not request.META.get("wsgi.input_terminated"):
            return _refuse(411, "length_required", "Send the request with a Content-Length header.")
        body = stream.read(limit + 1)
        if len(body) > limit:
            return self._too_large(limit)
        request.META["CONTENT_LENGTH"] = str(len(body))
        request._stream = BytesIO(body)
        return None

    @staticmethod
    def _too_large(limit: int) -> HttpResponse:
        return _refuse(413, "body_too_large", "The request is too large.", {"max_bytes": limit})


class ApiAliasMiddleware:
    """Rewrites addresses inside the server, without a redirect.

    `/api/x` and `/v1/x` are `/api/v1/x` (not `/api/schema` and `/api/docs`), and a trailing slash makes no difference,
    except in the admin.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Put the canonical path on the request."""
        path = canonical_path(request.path_info)
        if path != request.path_info:
            request.path_info = path
            request.path = request.META.get("SCRIPT_NAME", "").rstrip("/") + path
        return self.get_response(request)


def canonical_path(path: str) -> str:
    """The address as urls.py knows it."""
    if path.startswith(V1):
        path = API_V1 + path[len(V1) :]
    elif path.startswith(API) and path[len(API) :].split("/", 1)[0] not in NOT_ALIASED:
        path = API_V1 + path[len(API) :]
    if len(path) > 1 and path.endswith("/") and not path.startswith(("/admin/", settings.STATIC_URL)):
        path = path.rstrip("/") or "/"
    return path


class ApiLaneMiddleware:
    """Serves API requests without a cookie past what only browsers need: sessions, CSRF, messages, the page's policy.

    Nothing that is skipped would find anything to do: the API has no CSP, its views are exempt from Django's CSRF
    check (with a session they check it themselves), and without a cookie there is no session. What the skipped ones
    put on every response is put on here.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Call the API's view, or go on to the middleware of browsers."""
        if not request.path_info.startswith(API_V1) or "HTTP_COOKIE" in request.META:
            return self.get_response(request)
        request.get_host()  # Raises DisallowedHost.
        match = _resolved(
            getattr(request, "urlconf", None) or get_urlconf() or settings.ROOT_URLCONF, request.path_info
        )
        request.resolver_match = match
        response: Any = match.func(request, *match.args, **match.kwargs)
        if callable(getattr(response, "render", None)):
            response = response.render()
        self._finish(response)
        return response  # type: ignore[no-any-return]

    @staticmethod
    def _finish(response: HttpResponse) -> None:
        headers = response.headers
        headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        if "Vary" in headers:
            patch_vary_headers(response, ("Cookie",))
        else:
            headers["Vary"] = "Cookie"
        if not response.streaming and "Content-Length" not in headers:
            headers["Content-Length"] = str(len(response.content))


@lru_cache(maxsize=2048)
def _resolved(urlconf: str, path: str) -> ResolverMatch:
    """The view of an address. Raises Resolver404; what is not found is not kept."""
    return resolve(path, urlconf)
