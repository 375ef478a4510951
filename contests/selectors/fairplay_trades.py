"""What the detectors of fair play look at beside trades, read set-wise: prices, ticks, agents, who shares what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from accounts.models import AbuseLead
from contests.domain.fairplay import Prices, Shared
from contests.models import Contest, Participant
from marketdata import selectors as market_selectors
from marketdata.models import LiveTick
from trading.domain.pairs_figures import Floats, Ints

MOST_TICKS = 200_000
MOST_KEPT = 20_000
MOST_CLUSTERS = 5_000


def micros(at: datetime) -> int:
    """A moment in microseconds."""
    return round(at.timestamp() * 1_000_000)


def prices_of(contest: Contest) -> Prices:
    """Last prices of a contest's market up to now: each print of a replay, once a minute of a live market."""
    if market_selectors.market_facts(contest.market_id).is_replay:
        return _replayed(contest.market_id, min(contest.market.tick + 1, MOST_TICKS))
    rows = LiveTick.objects.filter(market_id=contest.market_id, prices__isnull=False).order_by("-index")
    points = [
        (int(listing), micros(at), float(price))
        for at, prices in rows.values_list("at", "prices")[:MOST_KEPT]
        for listing, price in (prices or {}).items()
    ]
    listing, at_us, price = zip(*points, strict=True) if points else ((), (), ())
    return _prices(np.array(listing, np.int64), np.array(at_us, np.int64), np.array(price, np.float64))


def _replayed(market_id: int, ticks: int) -> Prices:
    table = market_selectors.market_slice(market_id)
    times = np.array([micros(table.at(tick)) for tick in range(ticks)], dtype=np.int64)
    sizes = np.array([float(size) for size in table.tick_sizes])
    last = table.last[:ticks] * sizes
    ids = np.array(table.listing_ids, dtype=np.int64)
    listing, at_us, price = np.tile(ids, ticks), np.repeat(times, len(ids)), last.reshape(-1)
    known = price > 0
    return _prices(listing[known], at_us[known], price[known])


def _prices(listing: Ints, at_us: Ints, price: Floats) -> Prices:
    order = np.lexsort((at_us, listing))
    return Prices(listing[order], at_us[order], price[order])


def tick_times(contest: Contest, first: int) -> Ints:
    """Wall time of each tick of a live or simulated market from `first` on; nothing of a replay.

    Of a replay nobody sees the next price elsewhere a moment sooner, and when its ticks were is not kept.
    """
    if market_selectors.market_facts(contest.market_id).is_replay:
        return np.empty(0, dtype=np.int64)
    rows = LiveTick.objects.filter(market_id=contest.market_id, index__gte=first).order_by("index")
    return np.array([micros(at) for at in rows.values_list("at", flat=True)[:MOST_TICKS]], dtype=np.int64)


def agents_of(contest_id: int) -> frozenset[int]:
    """The accounts of the house's agents in a contest."""
    rows = Participant.objects.filter(contest_id=contest_id, kind="agent")
    return frozenset(rows.values_list("account_id", flat=True))


def shared_of(contest_id: int) -> list[Shared]:
    """Leads that name several people of a contest: a device, an address or a payment instrument in common.

    What a moderator has found harmless is left out. The most telling come first.
    """
    people = Participant.objects.filter(contest_id=contest_id, kind="person").exclude(status="withdrawn")
    links = AbuseLead.users.through.objects.filter(user_id__in=people.values("user_id"))
    links = links.exclude(abuselead__status=AbuseLead.Status.DISMISSED)
    order = ("-abuselead__score", "abuselead_id", "user_id")
    rows = list(
        links.order_by(*order).values_list("abuselead_id", "abuselead__kind", "abuselead__score", "user_id")[
            : MOST_CLUSTERS * 10
        ]
    )
    accounts = dict(people.filter(user_id__in={row[3] for row in rows}).values_list("user_id", "account_id"))
    found: dict[tuple[int, str, int], list[int]] = {}
    for lead_id, kind, score, user_id in rows:
        found.setdefault((lead_id, kind, score), []).append(accounts[user_id])
    shared = [Shared(*key, tuple(members)) for key, members in found.items() if len(members) > 1]
    return shared[:MOST_CLUSTERS]


def symbols_of(market_id: int) -> dict[int, str]:
    """Symbols by listing id, as the market shows them."""
    return {item.id: item.symbol for item in market_selectors.listings(market_id)}


def participants_by_account(contest_id: int, accounts: Iterable[int]) -> dict[int, Participant]:
    """Participants by account id."""
    rows = Participant.objects.filter(contest_id=contest_id, account_id__in=list(accounts))
    return {row.account_id: row for row in rows}
