"""What a result rests on, and computing it once more: definition, prices, orders, standings, prizes.

When a contest ends, hashes of them and the closing prices are kept with it. `contest_verify` starts from the journals,
the fills and the prices, and says equal, or where not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from contests.domain.definition import definition_hash
from contests.domain.scoring import LOOKING_BACK, Course, scores
from contests.domain.stakes import Stakes, awards
from contests.domain.standings import Field, rank
from contests.domain.states import OVER, ContestStatus
from contests.models import Award, Contest, Participant, ScoreState
from contests.selectors.results import people_ranked, pool_account
from contests.selectors.standings import Table, least_trades
from core.errors import Conflict, NotFound
from core.models import Journal
from marketdata import selectors as market_selectors
from marketdata.domain.types import Tick
from trading.domain.worth import value_minor
from trading.selectors import equity_at
from trading.services.context import instrument_of
from trading.services.marking import marked_prices
from trading.services.rebuild import group_cash, group_fills, group_holdings
from trading.services.sight import last_prices

MOST_FINDINGS = 50


@dataclass(slots=True)
class Verification:
    """What was computed again. `findings`: where it differs, in words, at most 50; none means equal."""

    slug: str
    participants: int = 0
    fills: int = 0
    checks: dict[str, bool] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether everything came out as it is stored."""
        return all(self.checks.values())

    def check(self, name: str, holds: bool, words: str = "") -> None:
        """Note one comparison."""
        self.checks[name] = self.checks.get(name, True) and holds
        if not holds and words and len(self.findings) < MOST_FINDINGS:
            self.findings.append(words)


def proof_of(contest: Contest, table: Table, tick: Tick | None) -> dict[str, Any]:
    """What is kept when a contest ends. `closing`: last price by listing id, as it was marked."""
    accounts, places, _, values, cash, trades, points = table.columns.tolist()
    looks_back = contest.scoring in LOOKING_BACK
    rows = zip(places, accounts, values, cash, trades, *([points] if looks_back else []), strict=True)
    return {
        "definition": contest.definition_hash,
        "tick": -1 if tick is None else tick.index,
        "at": None if tick is None else tick.at.isoformat(),
        "closing": contest.proof.get("closing") or ({} if tick is None else _closing(contest.market_id, tick)),
        "prices": _prices_hash(contest.market_id, -1 if tick is None else tick.index),
        "orders": _orders_hash(contest.group_id)[0],
        "standings": _hash(map(_line, rows)),
    }


def _closing(market_id: int, tick: Tick) -> dict[str, str]:
    # What the tick does not quote counts at the price that the mark went by.
    quoted = marked_prices(market_id) | {quote.listing_id: quote.last for quote in tick.quotes.values()}
    missing = {item.id for item in market_selectors.listings(market_id)} - quoted.keys()
    if missing:
        quoted |= last_prices(market_id, tick.index, missing)
    return {str(listing_id): format(last, "f") for listing_id, last in sorted(quoted.items())}


def _prices_hash(market_id: int, tick: int) -> str:
    """Of a replay every print up to the last one; empty for a live market, whose closing prices are kept themselves."""
    if tick < 0 or not market_selectors.market_facts(market_id).is_replay:
        return ""
    printed = market_selectors.market_slice(market_id).last[: tick + 1]
    return hashlib.sha256(np.ascontiguousarray(printed, dtype="<i8").tobytes()).hexdigest()


def _orders_hash(group_id: int) -> tuple[str, int]:
    count = 0

    def lines() -> Iterable[str]:
        nonlocal count
        for ident, account, listing, side, quantity, price, fee, at in group_fills(group_id):
            count += 1
            yield f"{ident}|{account}|{listing}|{side}|{quantity:f}|{price:f}|{fee}|{at.isoformat()}"

    return _hash(lines()), count


def _line(row: tuple[int, ...]) -> str:
    return "|".join(map(str, row))


def _hash(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def contest_verify(slug: str) -> Verification:
    """Compute the result of a contest once more. Raises NotFound; Conflict `contest_not_over`, `proof_missing`."""
    contest = Contest.objects.filter(slug=slug).first()
    if contest is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    if contest.status not in OVER:
        raise Conflict("contest_not_over", "A contest has a result once it has ended.", {"status": contest.status})
    if not contest.proof:
        raise Conflict("proof_missing", "This contest ended before proofs were kept.")
    found = Verification(slug)
    proof = contest.proof
    is_same = definition_hash(contest.definition) == contest.definition_hash == proof["definition"]
    found.check("definition", is_same, "The definition is not the one that was announced.")
    is_same = _prices_hash(contest.market_id, proof["tick"]) == proof["prices"]
    found.check("prices", is_same, "The prices are not those that were printed.")
    orders, found.fills = _orders_hash(contest.group_id)
    found.check("orders", orders == proof["orders"], "The fills are not those of the end.")
    _standings(contest, found)
    if contest.status == ContestStatus.SETTLED:
        _awards(contest, found)
    return found


def _standings(contest: Contest, found: Verification) -> None:
    """Cash from the journals, positions from the fills, at the closing prices: values and ranks of everyone."""
    rows = list(contest.participants.filter(final_value_minor__isnull=False).order_by("account_id"))
    found.participants = len(rows)
    cash, values = group_cash(contest.group_id), _values(contest)
    trades: dict[int, int] = {}
    for _, account, *_ in group_fills(contest.group_id):
        trades[account] = trades.get(account, 0) + 1

    def column(of: Callable[[Participant], int]) -> Any:
        return np.array([of(row) for row in rows], dtype=np.int64)

    field_ = Field(
        account_id=column(lambda row: row.account_id),
        value_minor=column(lambda row: cash.get(row.account_id, 0) + values.get(row.account_id, 0)),
        cash_minor=column(lambda row: cash.get(row.account_id, 0)),
        joined_us=column(lambda row: round(row.joined_at.timestamp() * 1_000_000)),
        trades=column(lambda row: trades.get(row.account_id, 0)),
    )
    _compare(contest, found, rows, replace(field_, score=_scores(contest, found, field_)))


def _compare(contest: Contest, found: Verification, rows: list[Participant], field_: Field) -> None:
    """Ranks, values and scores, those stored with those computed."""
    ranking = rank(field_, least_trades(contest))
    scored = field_.scored
    for index, row in enumerate(rows):
        has = (row.final_rank or 0, row.final_value_minor, row.final_cash_minor, row.final_trades)
        comes = (
            int(ranking.rank[index]), int(field_.value_minor[index]), int(field_.cash_minor[index]),
            int(field_.trades[index]),
        )  # fmt: skip
        words = f"account {row.account_id}: rank, value, cash, trades stored {has}, computed {comes}"
        found.check("standings", has == comes, words)
        if contest.scoring in LOOKING_BACK:
            words = f"account {row.account_id}: score stored {row.final_score}, computed {int(scored[index])}"
            found.check("scores", row.final_score == int(scored[index]), words)
    columns = [ranking.rank, field_.account_id, field_.value_minor, field_.cash_minor, field_.trades]
    if contest.scoring in LOOKING_BACK:
        columns.append(scored)
    lines = (_line(tuple(int(column[i]) for column in columns)) for i in ranking.order.tolist())
    found.check("standings", _hash(lines) == contest.proof["standings"], "The standings are not those of the end.")


def _scores(contest: Contest, found: Verification, field_: Field) -> Any:
    """What ranks: the course of everyone computed once more from the closes of its days, and the end."""
    if contest.scoring not in LOOKING_BACK:
        return None
    initial = contest.initial_balance_minor
    course = Course.at_start(np.array([], dtype=np.int64), initial)
    last_day = _last_day(contest)
    for day in ScoreState.objects.filter(contest=contest, day_index__lt=last_day).order_by("day_index"):
        course = course.closed(equity_at(contest.group_id, day.tick), initial)
        words = f"What is kept of the close at print {day.tick} does not follow from the equity then."
        found.check("closes", course.is_same(Course.unpack(bytes(day.columns))), words)
    order = np.argsort(field_.account_id)
    ids = field_.account_id[order]
    points = np.zeros(len(ids), dtype=np.int64)
    points[order] = scores(contest.scoring, course.joined_by(ids, initial).after(field_.value_minor[order]), initial)
    return points


def _last_day(contest: Contest) -> int:
    tick = market_selectors.last_tick(contest.market_id)
    return -1 if tick is None else tick.day_index


def _values(contest: Contest) -> dict[int, int]:
    """What each account holds, at the closing prices, in minor units."""
    listings = {item.id: item for item in market_selectors.listings(contest.market_id)}
    closing = {int(key): Decimal(last) for key, last in contest.proof["closing"].items()}
    at = market_selectors.last_tick(contest.market_id)
    found: dict[int, int] = {}
    for (account, listing_id), quantity in group_holdings(contest.group_id).items():
        assert at is not None
        instrument = instrument_of(listings[listing_id], contest.currency, at.at.date())
        worth = value_minor(quantity, closing[listing_id], instrument, contest.currency)
        found[account] = found.get(account, 0) + worth
    return found


def _awards(contest: Contest, found: Verification) -> None:
    """The prizes follow from ranks and pool, and each is in the books once."""
    stakes = Stakes.from_json(contest.stakes)
    given = list(Award.objects.filter(contest=contest).order_by("place").select_related("participant"))
    ranked = [person.pk for person in people_ranked(contest)]
    paid = sum(award.amount_minor for award in given)
    rest = Journal.objects.filter(reference=f"contest:{contest.pk}:rest").first()
    left = 0 if rest is None else sum(
        abs(leg.amount_minor) for leg in rest.postings.filter(account__code=pool_account(contest.pk))
    )  # fmt: skip
    comes = [(one.place, one.amount_minor, one.badge) for one in
             awards(stakes, pool_minor=paid + left, ranked=len(ranked))]  # fmt: skip
    has = [(award.place, award.amount_minor, award.badge) for award in given]
    found.check("prizes", not ranked or has == comes, f"Prizes stored {has}, computed {comes}.")
    for award in given:
        holds = ranked[award.place - 1] == award.participant_id
        found.check("prizes", holds, f"Place {award.place} went to another than who came there.")
        reference = f"contest:{contest.pk}:award:{award.place}"
        is_booked = not award.amount_minor or Journal.objects.filter(reference=reference).count() == 1
        found.check("prizes", is_booked, f"The prize of place {award.place} is not in the books.")
