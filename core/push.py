"""Live updates to browsers: Redis streams, read by the stream process (config/stream.py).

Channels: `market:{id}`, `contest:{id}` and `quote:{id}` are public; others (`account:{id}`) need a token, which is
given for the channels that a registered guard lets the user see.

Of quotes only the newest counts: those of all instruments share one Redis stream, whose entries name their channel, and
nobody catches up on them.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.core import signing
from django.db import transaction
from redis.exceptions import RedisError

from core.errors import Forbidden, Invalid
from core.redis import ask, client

logger = logging.getLogger(__name__)

STREAM_PREFIX = "sse:"
STREAM_LENGTH = 300
STREAM_TTL = 86_400
TOKEN_MAX_AGE = 3_600
TOKEN_SALT = "core.push.stream"  # noqa: S105
MAX_CHANNELS = 8
MAX_QUOTE_CHANNELS = 60
QUOTES = "quotes"  # what follows STREAM_PREFIX in the key of the stream that all quotes share
QUOTES_LENGTH = 5_000
PUBLIC_PREFIXES = ("market", "contest", "quote")
SIGNED_OUT = "signed_out"

_dumps = json.JSONEncoder(separators=(",", ":")).encode
Guard = Callable[[Any, int], bool]
_guards: dict[str, Guard] = {}


def publish(channel: str, event: str, data: dict[str, Any]) -> None:
    """Send an event to a channel once the current transaction commits. Best effort: a loss is logged, never raised."""
    transaction.on_commit(partial(_send, [(channel, event, data)]), robust=True)


def publish_many(items: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
    """Send several (channel, event, data) in one round trip once the current transaction commits."""
    transaction.on_commit(partial(_send, list(items)), robust=True)


def _send(items: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    try:
        commands: list[tuple[Any, ...]] = []
        keys: dict[str, None] = {}
        for channel, event, data in items:
            key, length, named = _stream_of(channel)
            commands.append(("XADD", key, "MAXLEN", "~", length, "*", "e", event, "d", _dumps(data), *named))
            keys[key] = None
        commands += [("EXPIRE", key, STREAM_TTL) for key in keys]
        ask(client(), commands)
    except RedisError:
        logger.warning("push failed for %s", sorted({channel for channel, _, _ in items}), exc_info=True)


def _stream_of(channel: str) -> tuple[str, int, tuple[str, ...]]:
    """The Redis stream behind a channel, how long it may grow, and what an entry says of its channel."""
    if is_quote(channel):
        return STREAM_PREFIX + QUOTES, QUOTES_LENGTH, ("c", channel)
    return STREAM_PREFIX + channel, STREAM_LENGTH, ()


def is_quote(channel: str) -> bool:
    """Whether this is the channel of an instrument's quotes."""
    return channel.startswith("quote:")


def register_channel_guard(prefix: str, guard: Guard) -> None:
    """Let `guard(user, id)` decide who may listen to the private channels `prefix:{id}`."""
    _guards[prefix] = guard


def is_public(channel: str) -> bool:
    """Whether anyone may listen to this channel."""
    return channel.partition(":")[0] in PUBLIC_PREFIXES


def channels_parse(raw: str) -> list[str]:
    """Read a comma list of channels; raises Invalid on a malformed, missing or overlong list."""
    channels = list(dict.fromkeys(part.strip() for part in raw.split(",") if part.strip()))
    quotes = sum(map(is_quote, channels))
    if not channels or len(channels) - quotes > MAX_CHANNELS or quotes > MAX_QUOTE_CHANNELS:
        message = f"Name at least one channel, at most {MAX_QUOTE_CHANNELS} of quotes and {MAX_CHANNELS} others."
        raise Invalid("channels_invalid", message)
    for channel in channels:
        prefix, _, ident = channel.partition(":")
        if not (prefix.isascii() and prefix.isalpha() and ident.isascii() and ident.isdigit() and len(ident) <= 18):
            raise Invalid("channel_unknown", "There is no such channel.", {"channel": channel[:80]})
    return channels


def channels_check(user: object, channels: Sequence[str]) -> None:
    """Raise Forbidden unless this user may listen to each of these channels."""
    for channel in channels:
        prefix, _, ident = channel.partition(":")
        if is_public(channel):
            continue
        guard = _guards.get(prefix)
        if guard is None or not guard(user, int(ident)):
            raise Forbidden("channel_forbidden", "You may not listen to this channel.", {"channel": channel})


def stream_permission(user: Any, raw: str) -> dict[str, Any]:
    """A fresh token for a comma list of channels, with the channels and its life in seconds.

    Raises Invalid for a malformed list, Forbidden for channels that the user may not listen to.
    """
    channels = channels_parse(raw)
    if not user.is_authenticated and not all(is_public(channel) for channel in channels):
        raise Forbidden("not_authenticated", "Sign in to listen to this channel.", status=401)
    channels_check(user, channels)
    covered = [channel for channel in channels if not is_quote(channel)]  # quotes need none, and there may be many
    return {"token": stream_token(covered, user.pk or 0), "channels": channels, "expires_in": TOKEN_MAX_AGE}


def stream_token(channels: Sequence[str], user_id: int) -> str:
    """A signed permission to listen to these channels, good for an hour. The caller has checked the channels."""
    data = {"c": sorted(channels), "u": user_id, "t": time.time()}
    return signing.TimestampSigner(salt=TOKEN_SALT).sign_object(data)


def stream_token_read(token: str) -> tuple[frozenset[str], int]:
    """The channels and the user of a token; raises Forbidden when it is forged or too old."""
    return stream_token_open(token)[:2]


def stream_token_open(token: str) -> tuple[frozenset[str], int, float]:
    """The channels and the user of a token, and when it was given; raises Forbidden when it is forged or too old."""
    try:
        data = signing.TimestampSigner(salt=TOKEN_SALT).unsign_object(token, max_age=TOKEN_MAX_AGE)
        return frozenset(str(channel) for channel in data["c"]), int(data["u"]), float(data["t"])
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise Forbidden("stream_token_invalid", "The stream token is not valid any more.") from error


def user_channel(user_id: int) -> str:
    """The channel on which the stream process hears that a user must be cut off; no client can ask for it."""
    return f"user:{user_id}"


def is_control(channel: str) -> bool:
    """Whether this is such a channel."""
    return channel.startswith("user:")


def revoked_key(user_id: int) -> str:
    """The Redis key that is there while a user's stream tokens are refused."""
    return f"sse:revoked:{user_id}"


def restarted_key(user_id: int) -> str:
    """The Redis key with the time up to which a user's stream tokens are refused."""
    return f"sse:restarted:{user_id}"


def is_refused(revoked: str | None, restarted: str | None, given_at: float) -> bool:
    """Whether a token given at that time is refused, by the values of the two keys above."""
    return revoked is not None or (restarted is not None and given_at <= float(restarted))


def stream_cut(user_id: int) -> None:
    """Once the current transaction commits: end the user's private streams and refuse the tokens it still has."""
    transaction.on_commit(partial(_cut, user_id), robust=True)
    publish(user_channel(user_id), SIGNED_OUT, {})


def stream_allow(user_id: int) -> None:
    """Once the current transaction commits: let the user listen again."""
    transaction.on_commit(partial(_allow, user_id), robust=True)


def stream_restart(user_id: int) -> None:
    """Once the current transaction commits: end the user's private streams; those still signed in may listen again.

    The tokens given until then are refused, so a session that has ended hears nothing more.
    """
    transaction.on_commit(partial(_restart, user_id), robust=True)
    publish(user_channel(user_id), SIGNED_OUT, {})


def _cut(user_id: int) -> None:
    client().set(revoked_key(user_id), "1", ex=TOKEN_MAX_AGE + 60)


def _allow(user_id: int) -> None:
    client().delete(revoked_key(user_id))


def _restart(user_id: int) -> None:
    client().set(restarted_key(user_id), repr(time.time()), ex=TOKEN_MAX_AGE + 60)
