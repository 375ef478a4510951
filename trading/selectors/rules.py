"""The rules of an account as they stand now, and what they have found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db.models import QuerySet

from core.errors import NotFound
from trading.domain.ruled import rule_set_of
from trading.domain.rules import (
    Observation,
    RuleSet,
    RuleState,
    Verification,
    raise_high_water,
    verify,
    with_checksums,
    words,
)
from trading.domain.rules.floors import LossRule, allowance, floor_minor, target_minor, tested_minor
from trading.domain.rules.limits import Consistency, DailyLoss, MaxLoss, MinTradingDays, ProfitTarget
from trading.domain.rules.phase import consistent, days_done, shares
from trading.domain.rules.state import DayBook
from trading.domain.types import Actor, plain
from trading.models import Account, AccountRules, Position, RuleLines, Verdict
from trading.selectors.accounts import may_see
from trading.selectors.marks import marks_at
from trading.selectors.pauses import pauses_open


@dataclass(frozen=True, slots=True)
class LimitView:
    """A floor or a target now. Amounts are minor units.

    `line_minor` is the floor or the target, `now_minor` what is compared with it, `distance_minor` how far it is from
    it: room for a floor (negative below it), what is missing for a target (0 when reached). `used_percent` is the share
    of a floor's allowance that is used, or of a target that is done, whole percents rounded down, from 0.
    """

    rule_key: str
    kind: str
    tested: str
    line_minor: int
    now_minor: int
    distance_minor: int
    used_percent: int
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule of a set: its key, kind and words."""

    key: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ShareView:
    """How much of the profit the best day made, minor units; `percent` of it is allowed. It holds back, only."""

    rule_key: str
    best_minor: int
    profit_minor: int
    percent: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class AccountRulesView:
    """An account's rules at the quotes in force. Amounts are minor units of `currency`; times are the market's.

    `high_water_minor` is what the floors that trail follow; None when none trails. `day` is the clock that traders
    count days by (the daily loss's, else that of the rules that count days); None for rules without days.
    """

    account_id: int
    rule_set_id: int
    name: str
    version: int
    hash: str
    currency: str
    status: str
    at: datetime
    started_at: datetime
    initial_minor: int
    balance_minor: int
    equity_minor: int
    locked_until: datetime | None
    next_reset_at: datetime | None
    trading_days: tuple[tuple[str, int, int], ...]
    rules: tuple[RuleView, ...]
    limits: tuple[LimitView, ...]
    shares: tuple[ShareView, ...]
    high_water_minor: int | None
    day: DayBook | None


def rules_of(account_id: int, viewer: Actor | None) -> AccountRulesView:
    """The rules of an account that the viewer may see. Raises NotFound: no such account, or `no_rules`."""
    account = _seen(account_id, viewer)
    row = AccountRules.objects.select_related("rule_set").filter(pk=account_id).first()
    if row is None:
        raise NotFound("no_rules", "This account is under no rules.")
    rule_set, state = rule_set_of(row.rule_set.hash, row.rule_set.document), RuleState.from_json(row.state)
    seen = _observe(account)
    peak = RuleLines.objects.filter(pk=account_id).values_list("peak", flat=True).first()
    if peak is not None and not state.closed_by:
        state = raise_high_water(state, peak, seen.at)
    day = _day(rule_set, state)
    until = state.soft_lock_until if state.soft_lock_until and state.soft_lock_until > seen.at else None
    return AccountRulesView(
        account_id=account_id,
        rule_set_id=row.rule_set_id,
        name=rule_set.name,
        version=rule_set.version,
        hash=row.rule_set.hash,
        currency=rule_set.currency,
        status="active" if row.status == "locked" and until is None else row.status,
        at=seen.at,
        started_at=row.started_at,
        initial_minor=state.initial_minor,
        balance_minor=seen.balance_minor,
        equity_minor=seen.equity_minor,
        locked_until=until,
        next_reset_at=None if state.closed_by or day is None else day.next_at,
        trading_days=tuple((days.key, days_done(days, state), days.days) for days in rule_set.of(MinTradingDays)),
        rules=tuple(RuleView(rule.key, rule.kind, words(rule, rule_set.currency)) for rule in rule_set.rules),
        limits=tuple(_limits(rule_set, state, seen)),
        shares=tuple(_share(rule, state, seen.balance_minor) for rule in rule_set.of(Consistency)),
        high_water_minor=max((mark.minor for mark in state.high_waters), default=None),
        day=day,
    )


def _day(rule_set: RuleSet, state: RuleState) -> DayBook | None:
    counted: list[DailyLoss | MinTradingDays | Consistency] = [
        *rule_set.of(DailyLoss),
        *rule_set.of(MinTradingDays),
        *rule_set.of(Consistency),
    ]
    wanted = [*(rule.reset for rule in counted), *rule_set.resets]
    return next((book for reset in wanted for book in state.days if book.reset == reset), None)


def _seen(account_id: int, viewer: Actor | None) -> Account:
    account = Account.objects.select_related("owner").filter(pk=account_id).first()
    if account is None or not may_see(account, viewer):
        raise NotFound("account_not_found", "There is no such account.")
    return account


def _observe(account: Account) -> Observation:
    marks = marks_at(account.market_id, account.currency)
    held = Position.objects.filter(account=account).exclude(quantity=0)
    rows = list(held.values_list("listing_id", "quantity", "cost_minor"))
    balance = account.cash_minor + sum(cost for _, _, cost in rows)
    # What is not believed just now is shown as it is judged.
    held_at = {item.listing_id: item.held_price for item in pauses_open(account.market_id)} if rows else {}
    value = sum(marks.value_minor(*row, price=held_at.get(row[0])) for row in rows)
    return Observation(marks.clock.at, balance, account.cash_minor + value)


def _limits(rule_set: RuleSet, state: RuleState, seen: Observation) -> Iterator[LimitView]:
    for rule in rule_set.rules:
        if isinstance(rule, DailyLoss | MaxLoss):
            yield _floor(rule, state, seen)
        elif isinstance(rule, ProfitTarget):
            target, now = target_minor(rule, state), tested_minor(rule, seen)
            gained, wanted = now - state.initial_minor, target - state.initial_minor
            done = max(gained * 100 // wanted, 0) if wanted else 100
            yield LimitView(rule.key, rule.kind, rule.tested, target, now, max(target - now, 0), done)


def _share(rule: Consistency, state: RuleState, balance_minor: int) -> ShareView:
    best, profit = shares(rule, state, balance_minor)
    return ShareView(rule.key, best, profit, plain(rule.percent), consistent(rule, state, balance_minor))


def _floor(rule: LossRule, state: RuleState, seen: Observation) -> LimitView:
    floor, now, room = floor_minor(rule, state), tested_minor(rule, seen), allowance(rule, state)
    used = int(max(1 - Fraction(now - floor) / room, Fraction(0)) * 100) if room else 100
    resets = state.day(rule.reset).next_at if isinstance(rule, DailyLoss) else None
    return LimitView(rule.key, rule.kind, rule.tested, floor, now, now - floor, used, resets)


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A verdict without its evidence."""

    id: int
    account_id: int
    rule_key: str
    kind: str
    code: str
    message: str
    inputs_hash: str
    market_at: datetime
    created_at: datetime


def verdict_view(row: Verdict) -> VerdictView:
    """A row of `verdicts_query`."""
    return VerdictView(
        id=row.pk,
        account_id=row.account_id,
        rule_key=row.rule_key,
        kind=row.kind,
        code=row.code,
        message=row.message,
        inputs_hash=row.inputs_hash,
        market_at=row.market_at,
        created_at=row.created_at,
    )


def verdicts_query(account_id: int, viewer: Actor | None) -> QuerySet[Verdict]:
    """The verdicts of an account that the viewer may see, newest first. Raises NotFound."""
    _seen(account_id, viewer)
    return Verdict.objects.filter(account_id=account_id).defer("evidence").order_by("-id")


def verdict_data(row: Verdict) -> dict[str, Any]:
    """A stored verdict as the functions that judge it again take it."""
    names = ("kind", "rule_key", "code", "message", "evidence")
    return {name: getattr(row, name) for name in names}


def verdict_evidence(verdict_id: int, viewer: Actor | None) -> dict[str, Any]:
    """A verdict with everything needed to compute it again, for the viewer of its account. Raises NotFound.

    With checksums of every value, so that what is changed in the file can be named.
    """
    row = Verdict.objects.select_related("account__owner").filter(pk=verdict_id).first()
    if row is None or not may_see(row.account, viewer):
        raise NotFound("verdict_not_found", "There is no such verdict.")
    labels = {
        "id": row.pk,
        "account_id": row.account_id,
        "market_at": row.market_at.isoformat(),
        "created_at": row.created_at.isoformat(),
    }
    return with_checksums({**labels, **verdict_data(row)})


def verdict_check(verdict_id: int) -> tuple[VerdictView, Verification] | None:
    """A stored verdict computed again from its evidence; None when there is none."""
    row = Verdict.objects.filter(pk=verdict_id).first()
    return None if row is None else (verdict_view(row), verify(verdict_data(row)))
