"""The stream process: server-sent events for browsers, fed by Redis streams (`core.push`).

    GET /events?channels=market:1,account:7&token=...

Each event's id holds the position in every channel, so a browser that reconnects (Last-Event-ID) gets what it missed.
An `overflow` event says that some were dropped and the page should fetch its data anew. Quotes have no place in the id:
only the newest one counts, so nobody gets those that were missed.
"""

import asyncio
import contextlib
import logging
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import config  # noqa: F401

django.setup()

from django.http.request import validate_host  # noqa: E402

from config.fanout import Hub, Listener  # noqa: E402
from core import push  # noqa: E402
from core.errors import DomainError, Forbidden, Unavailable  # noqa: E402

logger = logging.getLogger(__name__)

COMMENT_SECONDS = 15.0
SEND_TIMEOUT = 30.0
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


class EventStream:
    """An ASGI response that writes a listener's events until either side has enough."""

    def __init__(self, hub: Hub, listener: Listener, headers: dict[str, str], on_end: Callable[[], None]) -> None:
        self._hub = hub
        self._listener = listener
        self._headers = [(name.encode(), value.encode()) for name, value in (STREAM_HEADERS | headers).items()]
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Serve the stream."""
        writer = asyncio.create_task(self._write(send))
        watcher = asyncio.create_task(self._watch(receive))
        try:
            await asyncio.wait({writer, watcher}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._listener)
            self._on_end()
            for task in (writer, watcher):
                task.cancel()
            await asyncio.gather(writer, watcher, return_exceptions=True)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        positions = {name: at for name, at in self._listener.positions.items() if not push.is_quote(name)}
        await self._chunk(send, "retry: 2000\n" + _event("ready", "{}", positions))
        deadline = asyncio.get_running_loop().time() + push.TOKEN_MAX_AGE
        while asyncio.get_running_loop().time() < deadline:
            message = await self._listener.take(COMMENT_SECONDS)
            if self._listener.overflowed:
                self._listener.overflowed = False
                await self._chunk(send, "event: overflow\ndata: {}\n\n")
            elif message is not None:
                channel, stream_id, event, data = message
                if not push.is_quote(channel):
                    positions[channel] = stream_id
                await self._chunk(send, _event(event, data, positions))
            elif self._listener.closed:
                break
            else:
                await self._chunk(send, ": alive\n\n")
        await self._chunk(send, "", more=False)

    async def _chunk(self, send: Send, text: str, *, more: bool = True) -> None:
        # Not wait_for: in Python 3.11 it can swallow a cancellation.
        async with asyncio.timeout(SEND_TIMEOUT):
            await send({"type": "http.response.body", "body": text.encode(), "more_body": more})


def _event(event: str, data: str, positions: dict[str, str]) -> str:
    ident = ",".join(f"{name}={position}" for name, position in positions.items() if not push.is_control(name))
    return f"id: {ident}\nevent: {event}\ndata: {data}\n\n"


def positions_parse(raw: str, channels: list[str]) -> dict[str, str]:
    """Read a Last-Event-ID; what is not understood, or about other channels, is left out."""
    found: dict[str, str] = {}
    for part in raw[:2_000].split(","):
        channel, _, position = part.strip().partition("=")
        ms, _, seq = position.partition("-")
        if channel in channels and position.isascii() and ms.isdigit() and seq.isdigit() and len(position) <= 40:
            found[channel] = position
    return found


def origin_allowed(origin: str, host: str) -> bool:
    """Whether a page of this origin may read the stream: the site's own hosts, CORS_ORIGINS, loopback in DEBUG."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if settings.CORS_ALLOW_ALL_ORIGINS or origin in settings.CORS_ALLOWED_ORIGINS or parts.netloc == host:
        return True
    name = parts.hostname or ""
    if settings.DEBUG and name in LOOPBACK:
        return True
    return validate_host(name, [allowed for allowed in settings.ALLOWED_HOSTS if allowed != "*"])


class StreamApp:
    """The routes and the state they share: the hub, and how many streams each address has."""

    def __init__(self) -> None:
        self.hub = Hub(settings.REDIS_URL)
        self.per_address: Counter[str] = Counter()

    async def healthz(self, request: Request) -> Response:  # noqa: ARG002
        """This process is alive."""
        return JSONResponse({"ok": True, "streams": self.per_address.total()})

    async def events(self, request: Request) -> Response:
        """Open a stream, or say why not."""
        headers: dict[str, str] = {}
        try:
            headers = self._cors(request)
            if request.method == "HEAD":
                return Response(headers=headers | STREAM_HEADERS)
            return await self._open(request, headers)
        except DomainError as error:
            return JSONResponse(error.as_dict(), status_code=error.status, headers=headers)
        except (RedisError, OSError):
            body = {"code": "stream_unavailable", "message": "Live updates are not available just now.", "details": {}}
            return JSONResponse(body, status_code=503, headers=headers | {"retry-after": "2"})

    async def _open(self, request: Request, headers: dict[str, str]) -> Response:
        channels = push.channels_parse(request.query_params.get("channels", ""))
        user_id = await self._authorize(channels, request.query_params.get("token", ""))
        seen = request.headers.get("last-event-id") or request.query_params.get("last_event_id") or ""
        control = push.user_channel(user_id) if user_id else None
        listener = Listener(channels, positions_parse(seen, channels), control)
        address = self._admit(request)
        try:
            await self.hub.join(listener)
        except BaseException:
            self.hub.leave(listener)
            self._discharge(address)
            raise
        return _as_response(EventStream(self.hub, listener, headers, lambda: self._discharge(address)))

    async def _authorize(self, channels: list[str], token: str) -> int | None:
        """The user of the token, when private channels are asked for; raises Forbidden."""
        private = {channel for channel in channels if not push.is_public(channel)}
        if not private:
            return None
        allowed, user_id, given_at = push.stream_token_open(token)
        if not private <= allowed:
            raise Forbidden("channel_forbidden", "The token does not cover these channels.")
        revoked, restarted = await self.hub.values(push.revoked_key(user_id), push.restarted_key(user_id))
        if push.is_refused(revoked, restarted, given_at):
            raise Forbidden("stream_token_invalid", "The stream token is not valid any more.")
        return user_id

    def _admit(self, request: Request) -> str:
        address = client_address(request)
        if self.hub.closing or self.per_address.total() >= settings.STREAM_MAX_CLIENTS:
            raise Unavailable("stream_full", "Live updates are full just now. Try again soon.")
        if self.per_address[address] >= settings.STREAM_MAX_PER_ADDRESS:
            raise DomainError("rate_limited", "Too many live pages are open at your address.", status=429)
        self.per_address[address] += 1
        return address

    def _discharge(self, address: str) -> None:
        self.per_address[address] -= 1
        if self.per_address[address] <= 0:
            del self.per_address[address]

    def _cors(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin")
        if origin is None:
            return {}
        if not origin_allowed(origin, request.headers.get("host", "")):
            raise Forbidden("origin_forbidden", "This site may not read the stream.")
        return {"access-control-allow-origin": origin, "vary": "Origin"}

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:  # noqa: ARG002
        """Start the hub; end the streams as soon as the process is told to stop, so that it need not wait for them."""
        self.hub = Hub(settings.REDIS_URL)
        await self.hub.start()
        restore = _on_stop_signal(self.hub.close_listeners)
        try:
            yield
        finally:
            restore()
            await self.hub.stop()


def client_address(request: Request) -> str:
    """The client's address: behind NUM_PROXIES proxies, the one the outermost of them saw."""
    direct = request.client.host if request.client else "unknown"
    proxies: int = settings.REST_FRAMEWORK["NUM_PROXIES"]
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    return forwarded[-min(proxies, len(forwarded))] if proxies and forwarded else direct


def _as_response(stream: EventStream) -> Response:
    """Starlette calls whatever an endpoint returns as an ASGI application."""
    return stream  # type: ignore[return-value]


def _on_stop_signal(act: Callable[[], None]) -> Callable[[], None]:
    """Have `act` run on SIGTERM and SIGINT before the server's own handler; returns what undoes it."""
    loop = asyncio.get_running_loop()
    previous: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        if callable(previous[number]):
            previous[number](number, frame)

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    with contextlib.suppress(ValueError):  # not the main thread: whoever started us stops us
        for number in (signal.SIGTERM, signal.SIGINT):
            previous[number] = signal.getsignal(number)
            signal.signal(number, handle)
    return restore


_app = StreamApp()
application = Starlette(
    routes=[
        Route("/events", _app.events, methods=["GET"]),
        Route("/healthz", _app.healthz, methods=["GET"]),
    ],
    lifespan=_app.lifespan,
)
