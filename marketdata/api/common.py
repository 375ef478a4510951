"""What the views of this API share: who may look, how a query is read, answers that can be asked for conditionally."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from redis.exceptions import RedisError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from core.errors import NotFound
from core.redis import client
from marketdata import selectors
from marketdata.domain.types import MarketView

LONG, SHORT, CLOSED_SECONDS = 3600, 2, 60
LARGEST_KEPT = 128_000  # Redis is not filled by who asks for everything, each time with other bounds


class PublicView(APIView):
    """Open to all; credentials are not looked at, so an expired token hinders no one."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def asked(kind: type[Serializer], request: Request) -> dict[str, Any]:
    """The query, read by a serializer. Raises a refusal that names each bad field."""
    serializer = kind(data=request.query_params)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def market_asked(slug: str | None) -> MarketView:
    """The named market, or the default one. Raises NotFound."""
    if slug:
        return selectors.market_by_slug(slug)
    market_id = selectors.default_market()
    if market_id is None:
        raise NotFound("unknown_market", "There is no market yet.")
    return selectors.market_view(market_id)


def answer(
    request: HttpRequest | Request,
    body: bytes,
    *,
    max_age: int,
    content_type: str = "application/json",
    private: bool = False,
) -> HttpResponse:
    """An answer with its ETag and how long it may be kept; 304 without a body to whoever has it already."""
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    known = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if "*" in known or etag in known or f"W/{etag}" in known:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(body, content_type=content_type)
    response["ETag"] = etag
    response["Cache-Control"] = f"{'private' if private else 'public'}, max-age={max_age}"
    return response


def document(data: Any) -> bytes:
    """JSON; NaN has no place in it and becomes null."""
    return orjson.dumps(data)


def kept(key: str, make: Callable[[], tuple[bytes, int, int]]) -> tuple[bytes, int]:
    """A document that Redis keeps for all processes, and for how long others may keep it.

    `make` gives the document, the seconds that Redis keeps it, and the seconds that others may. Without Redis it is
    made each time.
    """
    place = f"md:doc:{blake2b(key.encode(), digest_size=16).hexdigest()}"
    try:
        found: Any = client().get(place)
    except RedisError:
        body, _, max_age = make()
        return body, max_age
    if found is not None:
        age, _, text = found.partition("\n")
        return text.encode(), int(age)
    body, seconds, max_age = make()
    if seconds and len(body) <= LARGEST_KEPT:
        try:
            client().set(place, f"{max_age}\n{body.decode()}", ex=seconds)
        except RedisError:
            return body, max_age
    return body, max_age
