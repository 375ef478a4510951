"""Trades that others may see: of a contest, and of those whom one follows.

An agent's are always open and one's own are too. Those of other people show up to the moment that the contest's
sharing gives: at once, some minutes later, or after the end. Moderators see what everyone sees: some of them play.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Q

from contests.domain.sharing import Sharing
from contests.domain.states import OVER
from contests.models import Contest, Participant, TeamMember
from contests.selectors.follows import followed_ids
from core.errors import NotFound
from trading import selectors as trading_selectors
from trading.domain.types import Actor
from trading.selectors import FeedFill

PAGE = 20
MOST = 100
# Places of followed traders that a feed is made of: the newest.
MOST_PLACES = 1_000
MOST_OPEN = 500
LAST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A trade as others see it: quantity in units, price in the symbol's currency, `at` is wall time (UTC)."""

    id: int
    contest_slug: str
    contest_name: str
    account_id: int
    user_id: int
    name: str
    kind: str
    is_mine: bool
    side: str
    quantity: Decimal
    symbol: str
    price: Decimal
    tick_size: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Trades, the newest first. `next` goes on with older ones; None where they end.

    `sees_others` and `words` say whether, and when, other people's trades show.
    """

    rows: tuple[FeedRow, ...]
    next: int | None
    sees_others: bool = True
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose an account is, and where."""

    contest: Contest
    user_id: int
    name: str
    kind: str


def trade_feed(
    contest_id: int,
    viewer: Actor | None,
    after: int | None = None,
    size: int = PAGE,
    *,
    now: datetime | None = None,
) -> FeedPage:
    """The trades of a contest that the viewer may see; `after`: those that come after that one, so older ones.

    The caller has checked that the viewer may see the contest. Raises NotFound.
    """
    contest = Contest.objects.filter(pk=contest_id).first()
    if contest is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    size, before = max(1, min(size, MOST)), None if after is None else min(after, LAST_ID)
    now = now or datetime.now(tz=UTC)
    mine = _own_accounts(contest.pk, viewer)
    sharing = Sharing.from_json(contest.sharing)
    until = sharing.seen_until(now, is_over=contest.status in OVER)
    agents = Participant.objects.filter(contest=contest, kind="agent").order_by("pk")
    opened = {*agents.values_list("account_id", flat=True)[:MOST_OPEN], *mine}
    found = trading_selectors.fills_seen(dict.fromkeys(opened, now), before=before, limit=size + 1)
    if until is not None:
        is_closed = contest.ended_at is not None
        found += trading_selectors.fills_of_group(
            contest.group_id, until=until, before=before, limit=size + 1, is_closed=is_closed
        )
    fills = _newest(found, size + 1)
    places = _places(contest, [fill.account_id for fill in fills])
    return _page(fills, places, mine, size, sees_others=until is not None, words=sharing.words)


def followed_feed(user_id: int, after: int | None = None, size: int = PAGE, *, now: datetime | None = None) -> FeedPage:
    """The trades of those whom somebody follows, each as far as its contest shows them.

    Of private contests only those that the follower is in.
    """
    size, before = max(1, min(size, MOST)), None if after is None else min(after, LAST_ID)
    now = now or datetime.now(tz=UTC)
    seen = Q(contest__visibility=Contest.Visibility.PUBLIC) | Q(
        contest__in=Participant.objects.filter(user_id=user_id).values("contest_id")
    )
    rows = Participant.objects.select_related("contest").filter(seen, user_id__in=followed_ids(user_id))
    rows = rows.exclude(contest__status="draft").order_by("-id")[:MOST_PLACES]
    places: dict[int, _Place] = {}
    until: dict[int, datetime] = {}
    for row in rows:
        contest = row.contest
        shown = (
            now
            if row.kind == "agent"
            else Sharing.from_json(contest.sharing).seen_until(now, is_over=contest.status in OVER)
        )
        if shown is not None:
            until[row.account_id] = shown
            places[row.account_id] = _Place(contest, row.user_id, row.display_name, row.kind)
    return _page(trading_selectors.fills_seen(until, before=before, limit=size + 1), places, frozenset(), size)


def _own_accounts(contest_id: int, viewer: Actor | None) -> frozenset[int]:
    """The accounts that the viewer trades in a contest, alone or in a team."""
    if viewer is None or viewer.user_id is None:
        return frozenset()
    own = Participant.objects.filter(contest_id=contest_id, user_id=viewer.user_id)
    teams = TeamMember.objects.filter(contest_id=contest_id, user_id=viewer.user_id, left_at__isnull=True)
    return frozenset(own.values_list("account_id", flat=True)) | frozenset(
        teams.values_list("team__participant__account_id", flat=True)
    )


def _newest(fills: Iterable[FeedFill], size: int) -> list[FeedFill]:
    """The newest of some fills, each once."""
    return sorted({fill.id: fill for fill in fills}.values(), key=lambda fill: -fill.id)[:size]


def _places(contest: Contest, account_ids: Iterable[int]) -> dict[int, _Place]:
    rows = Participant.objects.filter(contest=contest, account_id__in=set(account_ids))
    return {
        row.account_id: _Place(contest, row.user_id, row.display_name, row.kind)
        for row in rows.only("account_id", "user_id", "display_name", "kind")
    }


def _page(
    fills: list[FeedFill],
    places: dict[int, _Place],
    mine: frozenset[int],
    size: int,
    *,
    sees_others: bool = True,
    words: str = "",
) -> FeedPage:
    shown, more = fills[:size], len(fills) > size
    rows = tuple(_row(fill, places[fill.account_id], mine) for fill in shown if fill.account_id in places)
    return FeedPage(rows, shown[-1].id if more else None, sees_others, words)


def _row(fill: FeedFill, place: _Place, mine: frozenset[int]) -> FeedRow:
    return FeedRow(
        id=fill.id,
        contest_slug=place.contest.slug,
        contest_name=place.contest.name,
        account_id=fill.account_id,
        user_id=place.user_id,
        name=place.name,
        kind=place.kind,
        is_mine=fill.account_id in mine,
        side=fill.side,
        quantity=fill.quantity,
        symbol=fill.symbol,
        price=fill.price,
        tick_size=fill.tick_size,
        at=fill.at,
    )
