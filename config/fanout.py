"""One reader of Redis streams for all browsers of a process, and a bounded queue for each browser."""

import asyncio
import contextlib
import logging
import random
import uuid
from collections import deque
from datetime import UTC, datetime
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError

from core import heartbeat
from core.errors import Unavailable
from core.push import QUOTES, SIGNED_OUT, STREAM_PREFIX, is_quote
from marketdata.domain.quote_event import WATCHED_KEY

logger = logging.getLogger(__name__)

QUEUE_LENGTH = 256
READ_COUNT = 200
BLOCK_MS = 2_000
CATCH_UP_READS = 20
# A pause between reads lets events gather, so a busy market costs one read for many.
GATHER_SECONDS = 0.01
MAX_BACKOFF = 5.0
HEARTBEAT_SECONDS = 5.0
START = "0-0"
# The feed sends the quotes of instruments that somebody watches: this long after the last sign that they do.
WATCH_SECONDS = 30
MAX_WATCHED = 5_000

Message = tuple[str, str, str, str]  # channel, stream id, event, data as JSON


def after(left: str, right: str) -> bool:
    """Whether the stream id `left` is later than `right`."""
    return _parts(left) > _parts(right)


def _parts(stream_id: str) -> tuple[int, int]:
    ms, _, seq = stream_id.partition("-")
    return int(ms), int(seq or 0)


def _fields(fields: dict[str, str]) -> tuple[str, str]:
    return fields.get("e", "message"), fields.get("d", "{}")


class Listener:
    """One browser: its channels, where it is in each, and what waits to be sent to it."""

    def __init__(self, channels: list[str], positions: dict[str, str], control: str | None = None) -> None:
        self.channels = channels
        self.positions = positions
        self.control = control
        self.overflowed = False
        self.closed = False
        self._queue: deque[Message] = deque()
        self._quotes: dict[str, Message] = {}
        self._ready = asyncio.Event()

    @property
    def all_channels(self) -> list[str]:
        """The channels asked for, and the one on which it is told to end."""
        return [*self.channels, self.control] if self.control else self.channels

    def offer(self, message: Message) -> None:
        """Queue a message; when the queue is full the oldest one is dropped and the browser will be told.

        A quote that still waits is replaced by a newer one of its instrument.
        """
        channel, stream_id, event, _ = message
        if channel == self.control:
            if event == SIGNED_OUT:
                self.close()
            return
        if not after(stream_id, self.positions.get(channel, START)):
            return
        self.positions[channel] = stream_id
        if is_quote(channel):
            waits = channel in self._quotes
            self._quotes[channel] = message
            if waits:
                return
        if len(self._queue) >= QUEUE_LENGTH:
            self._quotes.pop(self._queue.popleft()[0], None)
            self.overflowed = True
        self._queue.append(message)
        self._ready.set()

    def close(self) -> None:
        """End the stream after what is queued."""
        self.closed = True
        self._ready.set()

    async def take(self, seconds: float) -> Message | None:
        """The next message, or None after `seconds` without one, on closing, or on overflow."""
        if not (self._queue or self.closed or self.overflowed):
            self._ready.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ready.wait()
        if self.overflowed or not self._queue:
            return None
        message = self._queue.popleft()
        return self._quotes.pop(message[0], message)


class Hub:
    """Reads the union of the subscribed streams and hands each message to the listeners of its channel."""

    def __init__(self, url: str) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=BLOCK_MS / 1000 + 5,
            retry=Retry(ConstantBackoff(0.02), 1),
        )
        self._listeners: dict[str, set[Listener]] = {}
        self._positions: dict[str, str] = {}
        self._wake_key = f"{STREAM_PREFIX}wake:{uuid.uuid4().hex}"
        self._wake_position = START
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        """Start reading and giving signs of life."""
        self._tasks = [asyncio.create_task(self._read_forever()), asyncio.create_task(self._beat_forever())]

    async def stop(self) -> None:
        """End every stream and the reading."""
        self.close_listeners()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(RedisError, OSError):
            await self._redis.delete(self._wake_key)
        await self._redis.aclose()

    def close_listeners(self) -> None:
        """End every stream, and refuse new ones."""
        self._closing = True
        for listener in {listener for group in self._listeners.values() for listener in group}:
            listener.close()

    @property
    def closing(self) -> bool:
        """Whether the process is going down."""
        return self._closing

    async def values(self, *keys: str) -> list[str | None]:
        """The values of Redis keys, None for those that are not there."""
        found = await self._redis.mget(keys)
        return [value if value is None else str(value) for value in found]

    async def join(self, listener: Listener) -> None:
        """Bring a listener up to date and keep it so. `positions` say what it has seen; without one it starts now."""
        quotes = [channel for channel in listener.channels if is_quote(channel)]
        if quotes:
            await self._join_quotes(listener, quotes)
        for channel in listener.all_channels:
            if is_quote(channel):
                continue
            await self._catch_up(listener, channel)
            # No await since the last look at the reader's position: nothing falls between the two.
            self._positions.setdefault(channel, listener.positions[channel])
            self._listeners.setdefault(channel, set()).add(listener)
        await self._wake()

    async def _join_quotes(self, listener: Listener, channels: list[str]) -> None:
        """Let a listener hear the quotes from now on, and the feed know at once that they are wanted."""
        wanted = {channel for channel in self._listeners if is_quote(channel)} | set(channels)
        if len(wanted) > MAX_WATCHED:
            raise Unavailable("stream_full", "Live quotes are full just now. Try again soon.")
        tip = await self._tip(QUOTES)
        self._positions.setdefault(QUOTES, tip)
        for channel in channels:
            listener.positions[channel] = tip
            self._listeners.setdefault(channel, set()).add(listener)
        await self._say_watched(channels)

    async def _say_watched(self, channels: list[str]) -> None:
        """Tell the feed that somebody watches these instruments."""
        if channels:
            until = int(datetime.now(tz=UTC).timestamp()) + WATCH_SECONDS
            await self._redis.zadd(WATCHED_KEY, dict.fromkeys((name.partition(":")[2] for name in channels), until))

    def leave(self, listener: Listener) -> None:
        """Forget a listener, and streams nobody listens to."""
        for channel in listener.all_channels:
            group = self._listeners.get(channel, set())
            group.discard(listener)
            if not group:
                self._listeners.pop(channel, None)
                self._positions.pop(channel, None)
        if not any(map(is_quote, self._listeners)):
            self._positions.pop(QUOTES, None)

    async def _tip(self, channel: str) -> str:
        last = await self._redis.xrevrange(STREAM_PREFIX + channel, count=1)
        return str(last[0][0]) if last else START

    async def _catch_up(self, listener: Listener, channel: str) -> None:
        """Bring a listener to the reader's position in a channel; when some of what it missed is gone, tell it so."""
        tip = await self._tip(channel)
        seen = listener.positions.get(channel)
        if seen is None:
            listener.positions[channel] = self._positions.get(channel, tip)
            return
        if after(seen, tip):
            seen = listener.positions[channel] = tip
            listener.overflowed = True
        for _ in range(CATCH_UP_READS):
            if not after(self._positions.get(channel, tip), seen):
                return
            entries = await self._entries(channel, seen)
            if seen != START and (not entries or entries[0][0] != seen):
                listener.overflowed = True
            for message in entries:
                listener.offer((channel, *message))
            seen = listener.positions[channel]
        listener.positions[channel] = self._positions.get(channel, tip)
        listener.overflowed = True

    async def _entries(self, channel: str, since: str) -> list[tuple[str, str, str]]:
        entries: Any = await self._redis.xrange(STREAM_PREFIX + channel, min=since, count=QUEUE_LENGTH)
        return [(stream_id, *_fields(fields)) for stream_id, fields in entries]

    async def _wake(self) -> None:
        """Make the blocked reader look at the new set of channels at once."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.xadd(self._wake_key, {"w": "1"}, maxlen=1, approximate=False)
        pipe.expire(self._wake_key, 60)
        await pipe.execute()

    async def _read_forever(self) -> None:
        failures = 0
        while True:
            try:
                await self._read_once()
                failures = 0
            except (RedisError, OSError) as error:
                failures += 1
                wait = min(0.1 * 2**failures, MAX_BACKOFF) * random.uniform(0.7, 1.3)  # noqa: S311
                logger.warning("the stream reader lost Redis (%s); again in %.1f s", type(error).__name__, wait)
                await asyncio.sleep(wait)

    async def _read_once(self) -> None:
        streams = {STREAM_PREFIX + channel: position for channel, position in self._positions.items()}
        streams[self._wake_key] = self._wake_position
        replies: Any = await self._redis.xread(streams, count=READ_COUNT, block=BLOCK_MS)  # type: ignore[arg-type]
        for key, entries in replies or []:
            if key == self._wake_key:
                self._wake_position = entries[-1][0]
                continue
            channel = key.removeprefix(STREAM_PREFIX)
            for stream_id, fields in entries:
                if channel in self._positions:
                    self._positions[channel] = stream_id
                self._hand_out((fields.get("c", channel), stream_id, *_fields(fields)))
        await asyncio.sleep(GATHER_SECONDS)

    def _hand_out(self, message: Message) -> None:
        for listener in list(self._listeners.get(message[0], ())):
            listener.offer(message)

    async def _beat_forever(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                await self._redis.set(heartbeat.key("stream"), datetime.now(tz=UTC).isoformat(), ex=15)
                await self._say_watched([channel for channel in self._listeners if is_quote(channel)])
                await self._redis.zremrangebyscore(WATCHED_KEY, "-inf", int(datetime.now(tz=UTC).timestamp()) - 1)
            await asyncio.sleep(HEARTBEAT_SECONDS)
