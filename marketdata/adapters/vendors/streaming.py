"""Streams in the caller's thread: stopped within a second, bounded while connecting, never reconnecting for ever."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Event
from typing import Any

from marketdata.domain.feed import FeedBar, Print
from marketdata.domain.providers import ProviderError, StreamSink

RECONNECTS = 2
STEADY_SECONDS = 30.0
CLOSE_SECONDS = 0.3
_LOOK = 0.1


class Session:
    """One connection's life: when it was subscribed, and what it hands on."""

    def __init__(self, provider: str, sink: StreamSink) -> None:
        self.provider = provider
        self.sink = sink
        self.subscribed_at = 0.0

    @property
    def is_subscribed(self) -> bool:
        """Whether it came so far."""
        return self.subscribed_at > 0

    def subscribed(self) -> None:
        """It is subscribed; said once."""
        if not self.is_subscribed:
            self.subscribed_at = time.monotonic()
            self.sink.connected()

    def hand(self, prints: list[Print], bars: list[FeedBar]) -> None:
        """Pass on what a frame held."""
        if prints:
            self.sink.prints(prints)
        if bars:
            self.sink.bars(bars)

    def odd(self, kind: str, message: Any) -> None:
        """Tell of a message that cannot be."""
        self.sink.odd(kind, {"message": repr(message)[:300]})

    def lost(self, why: str) -> ProviderError:
        """The connection is gone."""
        return ProviderError(self.provider, ProviderError.UNAVAILABLE, why)


def keep(session: Callable[[], Session], run: Callable[[Session], None], stop: Event) -> None:
    """Run sessions until `stop`. One that had been subscribed and is lost is begun again, twice in a row at most."""
    quick = 0
    while not stop.is_set():
        current = session()
        try:
            run(current)
        except ProviderError as error:
            if stop.is_set():
                return
            steady = current.is_subscribed and time.monotonic() - current.subscribed_at >= STEADY_SECONDS
            quick = 1 if steady else quick + 1
            if error.code != ProviderError.UNAVAILABLE or not current.is_subscribed or quick > RECONNECTS:
                raise
            stop.wait(0.1 * 2**quick * (0.5 + random.random()))  # noqa: S311


def supervise(
    session: Session,
    stop: Event,
    *,
    timeout: float,
    work: Callable[[], Awaitable[None]],
    close: Callable[[], Awaitable[None]],
) -> None:
    """Run a coroutine in this thread until it ends or `stop` is set; it has `timeout` seconds to subscribe."""
    asyncio.run(_supervise(session, stop, timeout, work, close))


async def _supervise(
    session: Session,
    stop: Event,
    timeout: float,
    work: Callable[[], Awaitable[None]],
    close: Callable[[], Awaitable[None]],
) -> None:
    task = asyncio.ensure_future(work())
    until = time.monotonic() + timeout
    try:
        while not stop.is_set():
            done, _ = await asyncio.wait({task}, timeout=_LOOK)
            if done:
                task.result()
                raise session.lost("the vendor closed the connection")
            if not session.is_subscribed and time.monotonic() > until:
                raise session.lost(f"not subscribed within {timeout:g} s")
    finally:
        # Close first: a client that is cancelled while it reads leaves its socket open.
        with suppress(Exception):
            await asyncio.wait_for(close(), CLOSE_SECONDS)
        task.cancel()
        await asyncio.wait({task}, timeout=CLOSE_SECONDS)
        if task.done() and not task.cancelled():
            task.exception()
