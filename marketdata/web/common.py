"""What every market page's view needs: who acts, the channels of its quotes, answers that may be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest
from django.middleware.http import ConditionalGetMiddleware
from django.utils.decorators import decorator_from_middleware

from marketdata.domain.quote_event import quote_channel
from marketdata.pages.board import Row, watchable

MAX_LIVE = 60

# An answer with a mark of its content: asked again, the browser hears that nothing changed.
conditional = decorator_from_middleware(ConditionalGetMiddleware)


def channels(rows: Sequence[Row]) -> str:
    """The channels of these instruments' quotes, as many as one stream takes, of those that anyone may see."""
    return ",".join(quote_channel(each) for each in watchable(rows)[:MAX_LIVE])


def live_ids(rows: Sequence[Row]) -> list[int]:
    """The instruments of these rows, each once."""
    return list(dict.fromkeys(row.id for row in rows))


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts on a page, as services take it."""

    user_id: int
    is_staff: bool
    label: str


def person(request: HttpRequest) -> Person:
    """Who acts. The view must require a signed-in user."""
    user = request.user
    if not user.is_authenticated:
        raise Http404
    return Person(user_id=user.pk, is_staff=user.is_staff, label=str(user))
