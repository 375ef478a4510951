"""Accounts of the firm as their owners and operators see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from core.errors import NotFound
from propfirm.domain import states
from propfirm.models import PropAccount, PropActivity, PropPhase
from trading.domain.rules.state import DayResult, RuleState
from trading.domain.types import Actor
from trading.models import Account, AccountMark, AccountRules, RuleSet, Verdict
from trading.selectors.rules import AccountRulesView, LimitView, VerdictView, rules_of, verdict_view

SOFT_LOCKED = "soft_locked"
# What ended or paused an account; warnings are told, and are no violation.
VIOLATIONS = ("fail", "expired", "soft")


@dataclass(frozen=True, slots=True)
class AccountCard:
    """An account in a list. Amounts are minor units; `equity_minor` is the latest mark of the phase that runs."""

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
    currency: str
    size_minor: int
    equity_minor: int | None
    created_at: datetime
    ended_at: datetime | None
    end_reason: str

    @property
    def is_live(self) -> bool:
        """Whether it trades."""
        return self.status in (*states.LIVE, SOFT_LOCKED)

    @property
    def profit_minor(self) -> int | None:
        """Equity less the starting balance."""
        return None if self.equity_minor is None else self.equity_minor - self.size_minor


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
    """Something to reach, or to stay away from. `kind`: target, days or limit. `percent`: done, or of a limit used."""

    key: str
    kind: str
    name: str
    text: str
    is_met: bool
    percent: int
    limit: LimitView | None = None


@dataclass(frozen=True, slots=True)
class AccountDetail:
    """An account with the phase that runs (or ran last). `rules` is None before it was opened."""

    card: AccountCard
    phases: tuple[PhaseRow, ...]
    phase: PhaseRow | None
    rules: AccountRulesView | None
    objectives: tuple[Objective, ...]
    days: tuple[DayResult, ...]
    locked_until: datetime | None
    lock_reason: str
    add_ons: tuple[str, ...]
    payment_id: str


def accounts_query() -> QuerySet[PropAccount]:
    """Accounts with what a card shows; narrow it down, then `cards` of a page of it."""
    newest = PropPhase.objects.filter(account=OuterRef("pk")).order_by("-pk")
    marks = AccountMark.objects.filter(account=OuterRef("trading_id")).values("equity_minor")[:1]
    trades = Account.objects.filter(pk=OuterRef("trading_id"))
    rows = PropAccount.objects.select_related("plan", "owner").annotate(
        trading_id=Subquery(newest.values("trading_account_id")[:1]), phase_name=Subquery(newest.values("name")[:1])
    )
    return rows.annotate(
        equity=Coalesce(Subquery(marks), Subquery(trades.values("cash_minor")[:1])),
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
        currency=row.plan.currency,
        size_minor=row.plan.size_minor,
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


def account_number_of(account_id: int) -> str | None:
    """The number of an account by its id."""
    return PropAccount.objects.filter(pk=account_id).values_list("number", flat=True).first()


def phase_of_trading(account_id: int) -> tuple[str, str] | None:
    """(number, phase) of the firm's account that trades as `account_id`; None when it is not the firm's."""
    rows = PropPhase.objects.filter(trading_account_id=account_id)
    return rows.values_list("account__number", "name").first()


def account_detail(number: str, viewer: Actor | None) -> AccountDetail:
    """Everything of an account at the quotes in force. Raises NotFound."""
    row = account_row(number, viewer)
    phases = tuple(_phase_row(item) for item in row.phases.order_by("pk"))
    phase = phases[-1] if phases else None
    rules: AccountRulesView | None = None
    days: tuple[DayResult, ...] = ()
    trading: Account | None = None
    if phase is not None:
        rules = rules_of(phase.trading_account_id, viewer)
        trading = Account.objects.only("locked_until", "lock_reason").get(pk=phase.trading_account_id)
        days = _days(phase.trading_account_id)
    return AccountDetail(
        card=_card(row),
        phases=phases,
        phase=phase,
        rules=rules,
        objectives=() if rules is None else objectives_of(rules),
        days=days,
        locked_until=None if trading is None else trading.locked_until,
        lock_reason="" if trading is None else trading.lock_reason,
        add_ons=tuple(row.add_ons),
        payment_id=str(row.payment.public_id),
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


def _days(trading_id: int) -> tuple[DayResult, ...]:
    """Closed days of profit and loss, of the first clock of days that the rules keep."""
    state = AccountRules.objects.filter(pk=trading_id).values_list("state", flat=True).first()
    books = RuleState.from_json(state).days if state else ()
    return books[0].history if books else ()


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
    return tuple(sorted(found, key=lambda item: ("target", "days", "limit").index(item.kind)))


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


def rule_set_words_of(rule_set_id: int) -> tuple[str, int, str]:
    """(name, version, hash) of a stored rule set."""
    row = RuleSet.objects.only("name", "version", "hash").get(pk=rule_set_id)
    return row.name, row.version, row.hash


__all__ = [
    "AccountCard", "AccountDetail", "Objective", "PhaseRow", "VerdictView", "account_detail", "account_number_of",
    "account_row", "accounts_of", "accounts_query", "activities_query", "cards", "objectives_of", "phase_of_trading",
    "rule_set_words_of", "verdict_view", "verdicts_of", "violations_query",
]  # fmt: skip
