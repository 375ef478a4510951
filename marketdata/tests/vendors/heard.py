"""Listening to a stream in a thread, for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from marketdata.domain.feed import FeedBar, Print
from marketdata.domain.providers import Provider, ProviderError, StreamSink

SECONDS = 4.0


class Heard:
    """What a stream has said so far."""

    def __init__(self) -> None:
        self.prints: list[Print] = []
        self.bars: list[FeedBar] = []
        self.odd: list[tuple[str, Any]] = []
        self.connected = 0
        self.error: ProviderError | None = None
        self.stopped_after = 0.0
        self._ended = threading.Event()

    def sink(self) -> StreamSink:
        """Where the stream puts it."""

        def connected() -> None:
            self.connected += 1

        return StreamSink(
            prints=self.prints.extend,
            bars=self.bars.extend,
            connected=connected,
            odd=lambda kind, sample: self.odd.append((kind, sample)),
        )

    def wait(self, **counts: int) -> None:
        """Until so much of each has been heard."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if all(self._count(name) >= number for name, number in counts.items()):
                return
            time.sleep(0.01)
        raise AssertionError(f"{counts} wanted, heard { ({name: self._count(name) for name in counts}) }; {self.error}")

    def wait_error(self) -> ProviderError:
        """Until the stream ends with an error."""
        assert self._ended.wait(SECONDS), "the stream goes on"
        assert self.error is not None, "the stream ended well"
        return self.error

    def run(self, provider: Provider, symbols: Sequence[str], stop: threading.Event) -> None:
        """Listen until it is over."""
        try:
            provider.stream(symbols, self.sink(), stop)
        except ProviderError as error:
            self.error = error
        finally:
            self._ended.set()

    def _count(self, name: str) -> int:
        value = getattr(self, name)
        return value if isinstance(value, int) else len(value)


@contextmanager
def streaming(provider: Provider, symbols: Sequence[str], heard: Heard | None = None) -> Iterator[Heard]:
    """Listen while inside; afterwards the stream has stopped."""
    heard = heard or Heard()
    stop = threading.Event()
    thread = threading.Thread(target=heard.run, args=(provider, symbols, stop), daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        began = time.monotonic()
        thread.join(SECONDS)
        heard.stopped_after = time.monotonic() - began
        assert not thread.is_alive(), "the stream does not stop"
