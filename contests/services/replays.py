"""Playing a contest's definition again on a scratch copy: the same definition must give the same standings.

The copy is a private contest of its own, with new accounts and its own market, played from its start without waiting.
Only what the definition names takes part: its agents, not the people who joined.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace

from contests.domain.states import CLOSED
from contests.models import Contest
from contests.selectors import StandingRow, standings_page
from contests.services.closing import contest_end
from contests.services.contests import contest_create, contest_start, spec_of
from core.errors import Conflict, NotFound
from marketdata import selectors as market_selectors
from marketdata.services.ticks import market_hold, market_step
from trading.domain.types import Actor


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay came to. `hash` covers every row of the final standings to the minor unit."""

    slug: str
    hash: str
    definition_hash: str
    ticks: int
    seconds: float
    currency: str
    rows: list[StandingRow]


def contest_replay(*, actor: Actor, slug: str, ticks: int | None = None, reveal: bool = False) -> Replay:
    """Play the definition of a contest once on a scratch copy, to its end or for `ticks` ticks.

    The copy's prices are as public as any, so of a contest that has not ended only what has been printed is played,
    unless `reveal` says that nobody can trade on the rest. Raises NotFound, Conflict.
    """
    original = Contest.objects.select_related("market").filter(slug=slug).first()
    if original is None:
        raise NotFound("contest_not_found", "There is no such contest.", {"slug": slug[:80]})
    if not spec_of(original).is_replay:
        message = "A contest on a live market has no history to be played again from."
        raise Conflict("not_a_replay", message, {"slug": slug[:80]})
    if not reveal and original.status not in CLOSED:
        printed = original.market.tick + 1
        if printed == 0:
            message = "This contest has not printed yet: a replay would show prices that are to come (--reveal)."
            raise Conflict("nothing_printed", message)
        ticks = printed if ticks is None else min(ticks, printed)
    spec = replace(
        spec_of(original),
        slug=f"replay-{secrets.token_hex(6)}",
        name=f"Replay of {original.name}"[:120],
        visibility="private",
        invite_code=secrets.token_urlsafe(16),
        is_featured=False,
        auto_renew=False,
        run_number=1,
    )
    copy = contest_create(actor=actor, spec=spec, schedule=True)
    began = time.perf_counter()
    with market_hold(market_id=copy.market_id):
        contest_start(actor=actor, contest_id=copy.id, reason="replay")
        total = market_selectors.market_view(copy.market_id).ticks_total
        played = market_step(market_id=copy.market_id, ticks=total + 1 if ticks is None else ticks)
    ended = contest_end(actor=actor, contest_id=copy.id, reason="replay")
    assert ended is not None
    rows = standings_page(copy.id, size=200, sparklines=False).rows
    seconds = time.perf_counter() - began
    return Replay(copy.slug, ended.final_hash, ended.definition_hash, len(played), seconds, ended.currency, rows)
