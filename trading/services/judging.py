"""Judging accounts by their rules, many in one transaction: lock, take in fills, roll days, test the mark, store.

The way back over the fills since the last look (trading.domain.retrace) gives each reset the balance and the equity of
its own moment: a day is rolled with what stood before it, not with what the first tick after it brought.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from django.db import connection

from trading import locks
from trading.domain.course import Level, Step, levels_of, steps_between
from trading.domain.ports import news_around
from trading.domain.retrace import AdjustmentRow, FillRow, Standing, Trace, retrace
from trading.domain.ruled import rule_set_of
from trading.domain.rules import (
    Closing,
    FillFact,
    Lines,
    Observation,
    RuleSet,
    RuleState,
    Verdict,
    evaluate_mark,
    lines,
    raise_high_water,
    record_fill,
    roll_day,
)
from trading.domain.rules.sweep import NEVER_HIGH, NEVER_LOW, micros
from trading.models import Account, AccountRules, Adjustment, FloorStep, Position, RuleLines
from trading.services.sight import Sight

_STOPS = ("stop", "stop_limit", "trailing_stop")
_EXITS = ("stop_loss", "take_profit")


@dataclass(slots=True)
class Ruled:
    """A locked account under rules, as it is judged. Amounts are minor units; `fills` are those not taken in yet.

    `levels` are where its floors lay when that was written down last, `steps` how they have moved since.
    """

    account: Account
    row: AccountRules
    rule_set: RuleSet
    state: RuleState
    now: Standing
    fills: list[FillRow]
    trace: Trace
    peak: int = NEVER_LOW
    seen: Observation | None = None
    levels: dict[str, Level] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def floors_note(self, at: datetime) -> None:
        """Take down where the floors lie now, when they have moved."""
        levels = levels_of(self.rule_set, self.state)
        self.steps += steps_between(self.levels, levels, at)
        self.levels = levels

    @property
    def id(self) -> int:
        """The account's id."""
        return self.account.pk

    @property
    def is_closed(self) -> bool:
        """Whether the account, or its group, is closed for good."""
        return self.account.status == Account.Status.CLOSED or _group_closed(self.account)

    @property
    def observed(self) -> Observation:
        """What was last seen of it. It must have been judged or observed."""
        assert self.seen is not None
        return self.seen


def ruled_lock(account_ids: Sequence[int]) -> list[Ruled]:
    """Lock accounts in id order and load what their rules look at. Without rules, or closed: left out."""
    accounts = locks.accounts_lock(account_ids)
    return _ruled([row for row in accounts if row.status != Account.Status.CLOSED and not _group_closed(row)])


def ruled_read(account_id: int) -> Ruled | None:
    """One account with what its rules look at, without a lock; None without rules. To look, never to write."""
    found = _ruled(list(Account.objects.select_related("group").filter(pk=account_id)))
    return found[0] if found else None


def _ruled(living: Sequence[Account]) -> list[Ruled]:
    ids = [row.pk for row in living]
    rules = {row.account_id: row for row in AccountRules.objects.select_related("rule_set").filter(pk__in=ids)}
    peaks = dict(RuleLines.objects.filter(pk__in=rules).values_list("account_id", "peak"))
    held = _positions(rules)
    fills = _fills(rules)
    states = {ident: RuleState.from_json(row.state) for ident, row in rules.items()}
    adjusted = _adjustments({ident: _since(states[ident], fills.get(ident, [])) for ident in rules})
    found = []
    for account in living:
        row = rules.get(account.pk)
        if row is None:
            continue
        now = Standing(account.cash_minor, held.get(account.pk, {}))
        mine, state = fills.get(account.pk, []), states[account.pk]
        trace = retrace(now, [*mine, *adjusted.get(account.pk, [])])
        rule_set = rule_set_of(row.rule_set.hash, row.rule_set.document)
        peak, levels = peaks.get(account.pk, NEVER_LOW), levels_of(rule_set, state)
        found.append(Ruled(account, row, rule_set, state, now, mine, trace, peak, levels=levels))
    return found


def _group_closed(account: Account) -> bool:
    return account.group is not None and account.group.status == "closed"


def _positions(account_ids: Iterable[int]) -> dict[int, dict[int, Any]]:
    held: dict[int, dict[int, Any]] = {}
    rows = Position.objects.filter(account_id__in=account_ids).exclude(quantity=0)
    for account_id, listing_id, quantity, cost in rows.values_list(
        "account_id", "listing_id", "quantity", "cost_minor"
    ):
        held.setdefault(account_id, {})[listing_id] = (quantity, cost)
    return held


_FILLS = """
SELECT f.account_id, f.id, f.market_at, f.listing_id, o.symbol, f.side, f.quantity, f.notional_minor, f.fee_minor,
    f.realized_minor, (f.quote ->> 'tick')::integer, o.type = ANY(%s) OR o.role = ANY(%s)
FROM trading_accountrules r JOIN trading_fill f ON f.account_id = r.account_id AND f.id > r.last_fill_id
JOIN trading_order o ON o.id = f.order_id
WHERE r.account_id = ANY(%s) ORDER BY f.account_id, f.id
"""


def _fills(account_ids: Iterable[int]) -> dict[int, list[FillRow]]:
    with connection.cursor() as cursor:
        cursor.execute(_FILLS, [list(_STOPS), list(_EXITS), list(account_ids)])
        rows = cursor.fetchall()
    found: dict[int, list[FillRow]] = {}
    for account_id, *values in rows:
        found.setdefault(account_id, []).append(FillRow(*values))
    return found


def _since(state: RuleState, fills: Sequence[FillRow]) -> datetime | None:
    """How far back an account's adjustments matter: to its first new fill, or to the reset that is next."""
    begins = (fills[0].at if fills else None, state.next_reset())
    return min((at for at in begins if at is not None), default=None)


def _adjustments(since: Mapping[int, datetime | None]) -> dict[int, list[AdjustmentRow]]:
    first = min((at for at in since.values() if at is not None), default=None)
    if first is None:
        return {}
    rows = Adjustment.objects.filter(account_id__in=since, market_at__gte=first).order_by("id")
    columns = ("id", "market_at", "listing_id", "quantity_before", "cost_before_minor", "cash_minor")
    found: dict[int, list[AdjustmentRow]] = {}
    for account_id, *values in rows.values_list("account_id", *columns):
        begins = since[account_id]
        if begins is not None and values[1] >= begins:
            found.setdefault(account_id, []).append(AdjustmentRow(*values))
    return found


def judge(ruled: Ruled, sight: Sight, *, mark: bool) -> list[Verdict]:
    """Bring an account's state up to the tick: its fills and resets in their order and, with `mark`, its mark.

    Without `mark`, only what came before the tick's last due reset: prices of the tick may not be used yet.
    """
    verdicts: list[Verdict] = []
    ruled.state = raise_high_water(ruled.state, ruled.peak, sight.tick.at)

    def take(step: Callable[..., tuple[RuleState, list[Verdict]]], *facts: Any) -> None:
        ruled.state, found = step(ruled.rule_set, ruled.state, *facts)
        verdicts.extend(found)

    while not ruled.state.closed_by:
        due = ruled.state.next_reset()
        due = None if due is None or due > sight.tick.at else due
        if due is None and not mark:
            break
        while ruled.fills and (due is None or ruled.fills[0].at < due):
            fill = ruled.fills.pop(0)
            ruled.row.last_fill_id = fill.id
            take(record_fill, _fill_fact(ruled, fill, sight))
        if due is None:
            break
        take(roll_day, *_closing(ruled, due, sight))
        ruled.floors_note(due)
    if mark:
        ruled.seen = sight.observe(ruled.now, sight.tick.at, sight.tick.index, ruled.account.currency)
        take(evaluate_mark, ruled.seen)
    return verdicts


def _closing(ruled: Ruled, due: datetime, sight: Sight) -> tuple[Observation, Closing]:
    """The account at a reset: after all that came before it, at the last prices before it. It is judged so, at once."""
    seen = sight.observe(ruled.trace.at(due), due, sight.index_before(due), ruled.account.currency)
    ruled.seen = seen
    return seen, Closing(seen.balance_minor, seen.equity_minor)


def _fill_fact(ruled: Ruled, fill: FillRow, sight: Sight) -> FillFact:
    before, after = ruled.trace.around(fill)
    held, left = before.quantity(fill.listing_id), after.quantity(fill.listing_id)
    seen = sight.observe(after, fill.at, fill.tick, ruled.account.currency)
    flipped = held * left < 0
    return FillFact(
        at=fill.at,
        symbol=fill.symbol,
        opened=bool(left) and (not held or flipped),
        increased=bool(left) and (flipped or abs(left) > abs(held)),
        realized_minor=fill.realized_minor - fill.fee_minor if held * fill.sign < 0 else 0,
        balance_minor=seen.balance_minor,
        equity_minor=seen.equity_minor,
        by_stop=fill.by_stop,
        events=news_around(ruled.account.market_id, fill.at),
    )


def status_of(state: RuleState, at: datetime) -> str:
    """The account's status under its rules."""
    if state.closed_by:
        return state.closed_as
    if state.soft_lock_until is not None and at < state.soft_lock_until:
        return str(AccountRules.Status.LOCKED)
    return str(AccountRules.Status.PASSED if state.said("phase|passed") else AccountRules.Status.ACTIVE)


def lines_of(ruled: Ruled) -> Lines:
    """The account's lines after it was judged."""
    return lines(ruled.rule_set, ruled.state, ruled.observed)


LINE_COLUMNS = tuple(item.name for item in fields(Lines))
# As one document: quoting states into arrays costs more than writing them.
_STATES = """
UPDATE trading_accountrules r SET state = v.state, status = v.status, last_fill_id = v.last_fill_id,
    must_flatten = v.must_flatten, updated_at = now()
FROM jsonb_to_recordset(%s::jsonb) AS v(account_id bigint, state jsonb, status text, last_fill_id bigint,
    must_flatten boolean)
WHERE r.account_id = v.account_id
"""
_COLUMNS = ("market_id", "reset_us", *LINE_COLUMNS)
_LINES = f"""
INSERT INTO trading_rulelines (account_id, {", ".join(_COLUMNS)})
SELECT account_id, {", ".join(_COLUMNS)} FROM jsonb_populate_recordset(NULL::trading_rulelines, %s::jsonb)
ON CONFLICT (account_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
"""  # noqa: S608  constants of this file


def ruled_store(judged: Sequence[Ruled], at: datetime) -> Mapping[int, Lines]:
    """Write states and lines of locked accounts, and how their floors moved; the lines by account."""
    made: dict[int, Lines] = {}
    states: list[dict[str, Any]] = []
    stored: list[dict[str, Any]] = []
    for ruled in judged:
        if ruled.seen is None:
            continue
        if ruled.state.closed_by and ruled.fills:
            ruled.row.last_fill_id = ruled.fills[-1].id
        found = made[ruled.id] = lines_of(ruled)
        ruled.floors_note(at)
        states.append(
            {
                "account_id": ruled.id,
                "state": ruled.state.to_json(),
                "status": status_of(ruled.state, at),
                "last_fill_id": ruled.row.last_fill_id,
                "must_flatten": ruled.row.must_flatten,
            }
        )
        own = {"account_id": ruled.id, "market_id": ruled.account.market_id, "reset_us": _reset_us(ruled.state)}
        stored.append(own | {name: getattr(found, name) for name in LINE_COLUMNS})
    if made:
        with connection.cursor() as cursor:
            cursor.execute(_STATES, [json.dumps(states)])
            cursor.execute(_LINES, [json.dumps(stored)])
        FloorStep.objects.bulk_create(_step(ruled.id, step) for ruled in judged for step in ruled.steps)
        for ruled in judged:
            ruled.steps = []
    return made


def _step(account_id: int, step: Step) -> FloorStep:
    level = step.level
    return FloorStep(
        account_id=account_id,
        rule_key=step.rule_key,
        market_at=step.at,
        reference_minor=level.reference_minor,
        floor_minor=level.floor_minor,
    )


def _reset_us(state: RuleState) -> int:
    due = None if state.closed_by else state.next_reset()
    return NEVER_HIGH if due is None else micros(due)
