"""HTTP as a vendor's client is to use it: every request counted, bounded in time and size, its failure told apart.

The clients come without timeouts, with retries of their own, and with exceptions that hide the status. Both kinds
(urllib3 pools, requests sessions) are given a transport from here, so that none of that is left to them. Nothing of an
address is ever in a message: some vendors want the key in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import urllib3
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as PoolTimeout
from urllib3.util import Timeout

from marketdata.adapters.vendors.common import status_error
from marketdata.domain.providers import ProviderError

MAX_BODY = 48 * 1024 * 1024
CONNECT_SECONDS = 3.0
_PIECE = 65_536
_TIMEOUTS = ("timeout", "timed out")


class Gate:
    """What every request of one vendor goes through. The guard sets `spend`, which takes a request from the budget."""

    def __init__(self, provider: str, *, timeout: float, secrets: tuple[str, ...] = ()) -> None:
        self.provider = provider
        self.timeout = timeout
        self.secrets = tuple(secret for secret in secrets if secret)
        self.spend: Callable[[], None] = lambda: None
        self.judge: Callable[[ProviderError, int], ProviderError] = lambda error, _status: error
        self._local = threading.local()

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Everything that this thread asks inside is over after so many seconds."""
        before = getattr(self._local, "until", None)
        self._local.until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._local.until = before

    def enter(self) -> float:
        """Begin a request; the monotonic time at which it must be over."""
        self._window()
        self.spend()
        return time.monotonic() + self._window()

    def _window(self) -> float:
        until = getattr(self._local, "until", None)
        window = self.timeout if until is None else min(self.timeout, until - time.monotonic())
        if window <= 0:
            raise self.unavailable("the time for this is used up")
        return window

    def unavailable(self, why: str) -> ProviderError:
        """The vendor cannot be reached just now."""
        return ProviderError(self.provider, ProviderError.UNAVAILABLE, why)

    def broken(self, error: Exception) -> ProviderError:
        """What a failed exchange means, without its address."""
        words = str(error).lower()
        late = isinstance(error, PoolTimeout) or any(word in words for word in _TIMEOUTS)
        return self.unavailable("no answer in time" if late else f"the connection failed ({type(error).__name__})")

    def check(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Raise for any status but 200, and for what cannot be JSON."""
        if status != 200:
            raise self.judge(status_error(self.provider, status, body, headers, self.secrets), status)
        if body.lstrip()[:1] not in (b"{", b"["):
            raise ProviderError(self.provider, ProviderError.MALFORMED, "the answer is not JSON")

    def read(self, response: Any, until: float) -> bytes:
        """A body piece by piece: one that trickles or never ends is given up."""
        pieces: list[bytes] = []
        size = 0
        while True:
            piece = response.read1(_PIECE, decode_content=True)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                raise ProviderError(self.provider, ProviderError.MALFORMED, "the answer is too large")
            if time.monotonic() > until:
                raise self.unavailable("no answer in time")


def _timeout(until: float) -> Timeout:
    left = max(0.01, until - time.monotonic())
    return Timeout(connect=min(CONNECT_SECONDS, left), read=left)


class BoundedPool(urllib3.PoolManager):
    """A urllib3 pool behind a gate, without retries and redirects."""

    def __init__(self, gate: Gate, **options: Any) -> None:
        super().__init__(num_pools=4, maxsize=8, retries=False, **options)
        self._gate = gate

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        """One request; a response whose body is read."""
        until = self._gate.enter()
        options |= {"retries": False, "redirect": False, "preload_content": False, "timeout": _timeout(until)}
        try:
            response = super().request(method, url, *args, **options)
            try:
                body = self._gate.read(response, until)
            finally:
                response.close()
        except HTTPError as error:
            raise self._gate.broken(error) from None
        self._gate.check(response.status, body, response.headers)
        return urllib3.HTTPResponse(body=body, status=response.status)


class BoundedAdapter(HTTPAdapter):
    """A requests transport behind a gate, without retries."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        super().__init__(pool_connections=4, pool_maxsize=8, max_retries=0)

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """One request; a response whose body is read."""
        until = self._gate.enter()
        options |= {"stream": True, "timeout": _timeout(until)}
        try:
            response = super().send(request, **options)
            try:
                body = self._gate.read(response.raw, until)
            finally:
                response.raw.close()
        except (RequestException, HTTPError) as error:
            raise self._gate.broken(error) from None
        self._gate.check(response.status_code, body, response.headers)
        response._content = body
        response._content_consumed = True
        return response


def bound(session: Session, gate: Gate) -> Session:
    """Put a session behind a gate."""
    for prefix in ("http://", "https://"):
        session.mount(prefix, BoundedAdapter(gate))
    session.max_redirects = 0
    return session
