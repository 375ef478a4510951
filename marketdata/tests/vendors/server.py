"""What the local vendors share: HTTP and a websocket on loopback, in threads, with failures on demand.

with PolygonServer() as server:
    server.url, server.stream_url     # give these to the settings
    server.requests                   # what was asked: (path, query as a dict)
    server.fail_next(503, times=2)    # or "hang", "html", "half", "close", "trickle", or bytes as the whole body
    server.wait_subscribed("AAPL")    # until a stream has subscribed
    server.push([...])                # the vendor's own messages to all who are subscribed
    server.drop_connections()         # streams are cut off
    server.refuse_streams = True      # no stream is let in
    server.hang_streams = True        # those who come are left waiting
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

HANG_SECONDS = 3.0


class VendorServer:
    """A vendor on loopback. `key` is the only key that it takes."""

    def __init__(self, key: str = "right-key") -> None:
        self.key = key
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.refuse_streams = self.hang_streams = False
        self.connections = self.refused = 0
        self._failures: list[Any] = []
        self._streams: dict[ServerConnection, set[str]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> VendorServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet

            def do_GET(self) -> None:
                outer._get(self)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._socket = serve(self._stream, "127.0.0.1", 0, close_timeout=0.2, process_request=self._let_in)
        for target in (lambda: self._http.serve_forever(0.01), self._socket.serve_forever):
            threading.Thread(target=target, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self.drop_connections()
        self._socket.shutdown()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Where its HTTP is."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def stream_url(self) -> str:
        """Where its stream is."""
        return f"ws://127.0.0.1:{self._socket.socket.getsockname()[1]}"

    def fail_next(self, how: Any, times: int = 1) -> None:
        """How the next requests fail: a status, one of the words above, bytes, or (status, document, headers)."""
        with self._lock:
            self._failures += [how] * times

    def die(self) -> None:
        """As if it were killed: streams are cut off and refused, requests fail, until `revive`."""
        self.refuse_streams = True
        self.fail_next(503, times=10_000)
        self.drop_connections()

    def revive(self) -> None:
        """Answer again, and let streams in."""
        with self._lock:
            self._failures.clear()
        self.refuse_streams = False

    def drop_connections(self) -> None:
        """Cut all streams off, without a word."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            with suppress(OSError):
                stream.socket.shutdown(2)

    def wait_subscribed(self, symbol: str, seconds: float = 3.0) -> None:
        """Wait until somebody is subscribed to a symbol."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with self._lock:
                if any(symbol in wanted for wanted in self._streams.values()):
                    return
            time.sleep(0.01)
        raise AssertionError(f"nobody has subscribed to {symbol}")

    def push(self, messages: Any) -> None:
        """Send the vendor's own messages to all who are subscribed to anything."""
        frame = self.frame(messages)
        with self._lock:
            streams = [stream for stream, wanted in self._streams.items() if wanted]
        for stream in streams:
            try:
                stream.send(frame)
            except ConnectionClosed:
                continue

    # What a vendor's own server says.
    def answer(self, path: str, query: dict[str, str]) -> Any:
        """The document of a path, or (status, document)."""
        raise AssertionError(path)

    def is_allowed(self, headers: dict[str, str], query: dict[str, str]) -> bool:
        """Whether a request has the key."""
        raise AssertionError(headers)

    def speak(self, stream: ServerConnection) -> None:
        """One stream, from greeting to end; `self.subscribe(stream, symbols)` once it is."""
        raise AssertionError(stream)

    def frame(self, messages: Any) -> str | bytes:
        """Messages as they go over the wire."""
        return messages if isinstance(messages, str | bytes) else json.dumps(messages)

    def subscribe(self, stream: ServerConnection, symbols: set[str]) -> None:
        """From now on what is pushed goes there too."""
        with self._lock:
            self._streams[stream] = self._streams.get(stream, set()) | symbols

    def _let_in(self, stream: ServerConnection, request: Any) -> Any:
        if self.hang_streams:
            self._over.wait(HANG_SECONDS)
        if self.refuse_streams:
            self.refused += 1
            return stream.respond(503, "not now\n")
        return None

    def _stream(self, stream: ServerConnection) -> None:
        with self._lock:
            self._streams[stream] = set()
            self.connections += 1
        try:
            self.speak(stream)
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                self._streams.pop(stream, None)

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        place = urlsplit(handler.path)
        query = dict(parse_qsl(place.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.requests.append((place.path, query))
            self.headers.append(headers)
            failure = self._failures.pop(0) if self._failures else None
        try:
            if failure is not None:
                self._fail(handler, failure)
            elif not self.is_allowed(headers, query):
                self._send(handler, *self.unauthorized())
            else:
                found = self.answer(place.path, query)
                status, document = found if isinstance(found, tuple) else (200, found)
                self._send(handler, status, document)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def unauthorized(self) -> tuple[int, Any]:
        """What a wrong key gets."""
        return 401, {"message": "unauthorized"}

    def _fail(self, handler: BaseHTTPRequestHandler, how: Any) -> None:
        if isinstance(how, tuple):
            self._send(handler, *how)
        elif isinstance(how, int):
            self._send(handler, how, {"message": f"status {how}"})
        elif isinstance(how, bytes):
            self._send(handler, 200, how)
        elif how == "html":
            self._send(handler, 200, b"<html><body>Down for maintenance</body></html>", {"Content-Type": "text/html"})
        elif how == "html500":
            self._send(handler, 502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"})
        elif how == "half":
            self._send(handler, 200, b'{"status": "OK", "results": [{"t": 17000')
        elif how == "hang":
            self._over.wait(HANG_SECONDS)
        elif how == "close":
            handler.connection.shutdown(2)
        elif how == "trickle":
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
            while not self._over.wait(0.05):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        else:
            raise AssertionError(how)
        handler.close_connection = True

    def _send(
        self, handler: BaseHTTPRequestHandler, status: int, document: Any, headers: dict[str, str] | None = None
    ) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        handler.send_response(status)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if "gzip" in handler.headers.get("Accept-Encoding", "") and len(body) > 500:
            body = gzip.compress(body)
            sent["Content-Encoding"] = "gzip"
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
