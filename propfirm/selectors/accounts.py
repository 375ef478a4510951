"""Accounts of the firm as their owners and operators see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BigIntegerField, Case, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from core.errors import NotFound
from propfirm.domain import states
from propfirm.models import PropAccount, PropActivity, PropPhase
from trading.domain.rules.state import DayBook, DayResult
from trading.domain.rules.times import day_name
from trading.domain.types import Actor
from trading.models import Account, AccountMark, AccountRules, Verdict
from trading.selectors.rules import AccountRulesView, LimitView, VerdictView, rules_of, verdict_view

SOFT_LOCKED = "soft_locked"
# What ended or paused an account; warnings are told, and are no violation.
VIOLATIONS = ("fail", "expired", "soft")


@dataclass(frozen=True, slots=True)
class AccountCard:
    """An account in a list, by the phase that runs or ended last. Amounts are minor units.

    `equity_minor` is its latest mark. `initial_minor`: what it began with, and has grown by; without one the size.
    """

    id: int
    number: str
    owner_id: int
    owner_name: str
    plan_code: str
    plan_name: str
    plan_version: int
    status: str
    label: str
    phase: str
    phase_index: int
    trading_account_id: int | None
    payment_id: str
    currency: str
    size_minor: int
    initial_minor: int
    equity_minor: int | None
    created_at: datetime
    ended_at: datetime | None
    end_reason: str

    @property
    def is_live(self) -> bool:
        """Whether it trades."""
        return self.status in (*states.LIVE, SOFT_LOCKED)

    @property
    def state(self) -> str:
        """What a page that shows it is about: another one when it moves on."""
        return f"{self.status}-{self.trading_account_id or 0}"

    @property
    def profit_minor(self) -> int | None:
        """Equity less the starting balance; what the account has grown by is no profit."""
        return None if self.equity_minor is None else self.equity_minor - self.initial_minor


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase as it went."""

    id: int
    index: int
    attempt: int
    key: str
    name: str
    kind: str
    status: str
    trading_account_id: int
    verdict_id: int | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Objective:
    """Something to reach, or to stay away from. `kind`: target, days, share or limit.

    `percent`: done, of a limit used, or of the profit that the best day made.
    """

    key: str
    kind: str
    name: str
    text: str
    is_met: bool
    percent: int
    limit: LimitView | None = None


@dataclass(frozen=True, slots=True)
class AccountDetail:
    """An account with the phase that runs (or ran last). `rules` is None before it was opened.

    `days` are closed; `today` is the day that runs, or in which the phase ended.
    """

    card: AccountCard
    phases: tuple[PhaseRow, ...]
    phase: PhaseRow | None
    rules: AccountRulesView | None
    objectives: tuple[Objective, ...]
    days: tuple[DayResult, ...]
    today: DayResult | None
    market_id: int | None
    locked_until: datetime | None
    lock_reason: str
    add_ons: tuple[str, ...]


def _latest_first(rows: QuerySet[PropPhase]) -> QuerySet[PropPhase]:
    """Phases of an account: the one that runs, then those that have ended, the last one first.

    A verdict that is undone lets an earlier attempt run again. What ended without a verdict is closed for good.
    """
    running = Case(When(status=PropPhase.Status.ACTIVE, then=Value(0)), default=Value(1))
    # By their verdicts, as markets may have clocks of their own.
    return rows.order_by(running, F("verdict_id").desc(nulls_first=True), "-pk")


def last_phase(account_id: int) -> PropPhase | None:
    """The phase that runs, or else the one that ended last, with its trading account."""
    return _latest_first(PropPhase.objects.filter(account_id=account_id).select_related("trading_account")).first()


def accounts_query() -> QuerySet[PropAccount]:
    """Accounts with what a card shows; narrow it down, then `cards` of a page of it."""
    newest = _latest_first(PropPhase.objects.filter(account=OuterRef("pk")))
    marks = AccountMark.objects.filter(account=OuterRef("trading_id")).values("equity_minor")[:1]
    trades = Account.objects.filter(pk=OuterRef("trading_id"))
    began = Cast(KeyTextTransform("initial_minor", "state"), BigIntegerField())
    ruled = AccountRules.objects.filter(pk=OuterRef("trading_id")).annotate(began=began).values("began")[:1]
    rows = PropAccount.objects.select_related("plan", "owner", "payment").annotate(
        trading_id=Subquery(newest.values("trading_account_id")[:1]), phase_name=Subquery(newest.values("name")[:1])
    )
    return rows.annotate(
        equity=Coalesce(Subquery(marks), Subquery(trades.values("cash_minor")[:1])),
        initial=Subquery(ruled),
        locked_until=Subquery(trades.values("locked_until")[:1]),
        trading_status=Subquery(trades.values("status")[:1]),
    ).order_by("-pk")


def cards(rows: Iterable[PropAccount]) -> list[AccountCard]:
    """Rows of `accounts_query` as views."""
    return [_card(row) for row in rows]


def _card(row: PropAccount) -> AccountCard:
    found = vars(row)
    status, label = str(row.status), str(row.get_status_display())
    if row.status in states.LIVE and found["trading_status"] == "locked" and found["locked_until"] is not None:
        status, label = SOFT_LOCKED, "Paused until the reset"
    return AccountCard(
        id=row.pk,
        number=row.number,
        owner_id=row.owner_id,
        owner_name=row.owner.display_name,
        plan_code=row.plan.code,
        plan_name=row.plan.name,
        plan_version=row.plan.version,
        status=status,
        label=label,
        phase=found["phase_name"] or "",
        phase_index=row.phase_index,
        trading_account_id=found["trading_id"],
        payment_id=str(row.payment.public_id),
        currency=row.plan.currency,
        size_minor=row.plan.size_minor,
        initial_minor=row.plan.size_minor if found["initial"] is None else found["initial"],
        equity_minor=found["equity"],
        created_at=row.created_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
    )


def accounts_of(user_id: int) -> QuerySet[PropAccount]:
    """A person's accounts, the newest first; what was never paid for is left out."""
    return accounts_query().filter(owner_id=user_id).exclude(status=states.VOID)


def account_row(number: str, viewer: Actor | None) -> PropAccount:
    """An account of the viewer's, or anyone's for an operator, as a row of `accounts_query`. Raises NotFound."""
    row = accounts_query().filter(number=number).first()
    if row is None or viewer is None or not (viewer.is_staff or viewer.user_id == row.owner_id):
        raise NotFound("prop_account_not_found", "There is no such account.")
    return row


def own_account_row(number: str, viewer: Actor | None) -> PropAccount:
    """An account of the viewer's own, whatever else they may see. Raises NotFound."""
    row = account_row(number, viewer)
    if viewer is None or viewer.user_id != row.owner_id:
        raise NotFound("prop_account_not_found", "There is no such account.")
    return row


def number_of_trading(account_id: int, viewer: Actor | None) -> str:
    """The number of the firm's account that trades as `account_id`. Raises NotFound."""
    number = PropPhase.objects.filter(trading_account_id=account_id).values_list("account__number", flat=True).first()
    return account_row(number or "", viewer).number


def account_detail(number: str, viewer: Actor | None) -> AccountDetail:
    """Everything of an account at the quotes in force. Raises NotFound."""
    return detail_of(account_row(number, viewer), viewer)


def detail_of(row: PropAccount, viewer: Actor | None) -> AccountDetail:
    """Everything of an account that `account_row` found, about the phase that its card is about."""
    phases = tuple(_phase_row(item) for item in row.phases.order_by("pk"))
    phase = next((item for item in phases if item.trading_account_id == vars(row)["trading_id"]), None)
    rules: AccountRulesView | None = None
    trading: Account | None = None
    if phase is not None:
        rules = rules_of(phase.trading_account_id, viewer)
        trading = Account.objects.only("market_id", "locked_until", "lock_reason").get(pk=phase.trading_account_id)
    return AccountDetail(
        card=_card(row),
        phases=phases,
        phase=phase,
        rules=rules,
        objectives=() if rules is None else objectives_of(rules),
        days=() if rules is None or rules.day is None else rules.day.history,
        today=None if rules is None or rules.day is None else _today(rules.day, rules.balance_minor),
        market_id=None if trading is None else trading.market_id,
        locked_until=None if trading is None else trading.locked_until,
        lock_reason="" if trading is None else trading.lock_reason,
        add_ons=tuple(row.add_ons),
    )


def _phase_row(item: PropPhase) -> PhaseRow:
    return PhaseRow(
        id=item.pk,
        index=item.index,
        attempt=item.attempt,
        key=item.key,
        name=item.name,
        kind=item.kind,
        status=item.status,
        trading_account_id=item.trading_account_id,
        verdict_id=item.verdict_id,
        started_at=item.started_at,
        ended_at=item.ended_at,
    )


def _today(book: DayBook, balance_minor: int) -> DayResult:
    return DayResult(day_name(book.opened_at, book.reset), balance_minor - book.profit_from_minor, book.opened)


_NAMES = {"daily_loss": "Daily loss", "max_loss": "Maximum loss", "profit_target": "Profit target"}


def objectives_of(rules: AccountRulesView) -> tuple[Objective, ...]:
    """What is to be reached, and what must not be: the same figures as the rules judge by."""
    texts = {rule.key: rule.text for rule in rules.rules}
    found = []
    for limit in rules.limits:
        is_target = limit.kind == "profit_target"
        is_met = limit.distance_minor == 0 if is_target else limit.used_percent < 100
        kind = "target" if is_target else "limit"
        name = _NAMES[limit.kind]
        found.append(
            Objective(limit.rule_key, kind, name, texts[limit.rule_key], is_met, min(limit.used_percent, 100), limit)
        )
    for key, done, wanted in rules.trading_days:
        percent = min(done * 100 // wanted, 100)
        found.append(Objective(key, "days", f"Trading days: {done} of {wanted}", texts[key], done >= wanted, percent))
    for share in rules.shares:
        percent = min(max(share.best_minor * 100 // share.profit_minor, 0), 100) if share.profit_minor > 0 else 0
        name = f"Best day: at most {share.percent} % of the profit"
        # Where there is no profit yet, no day made too much of it.
        is_met = share.is_met or share.profit_minor <= 0
        found.append(Objective(share.rule_key, "share", name, texts[share.rule_key], is_met, percent))
    return tuple(sorted(found, key=lambda item: ("target", "days", "share", "limit").index(item.kind)))


def activities_query(account_id: int) -> QuerySet[PropActivity]:
    """What happened to an account, the newest first."""
    return PropActivity.objects.filter(account_id=account_id).order_by("-pk")


def violations_query(account_id: int) -> QuerySet[Verdict]:
    """Verdicts that ended or paused phases of an account, the newest first; `verdict_view` makes views of them."""
    trading = PropPhase.objects.filter(account_id=account_id).values("trading_account_id")
    rows = Verdict.objects.filter(account_id__in=trading, kind__in=VIOLATIONS)
    return rows.defer("evidence").order_by("-pk")


def verdicts_of(account_id: int) -> QuerySet[Verdict]:
    """All verdicts of an account's phases, the newest first."""
    trading = PropPhase.objects.filter(account_id=account_id).values("trading_account_id")
    return Verdict.objects.filter(account_id__in=trading).defer("evidence").order_by("-pk")


__all__ = [
    "AccountCard", "AccountDetail", "Objective", "PhaseRow", "VerdictView", "account_detail", "account_row",
    "accounts_of", "accounts_query", "activities_query", "cards", "detail_of", "last_phase", "number_of_trading",
    "objectives_of", "verdict_view", "verdicts_of", "violations_query",
]  # fmt: skip
