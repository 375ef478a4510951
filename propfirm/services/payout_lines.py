"""Whether profit may be paid out now, line by line, with what it would come to; and what a reviewer should look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from accounts.models import User
from accounts.selectors.identity import URL as IDENTITY
from accounts.selectors.identity import identity_of
from payments.domain import states as money_states
from payments.selectors.payouts import payee_of
from payments.services.payouts import payee_require, payout_flags
from propfirm.domain import states
from propfirm.models import PropAccount, PropDispute, PropFinding, PropPayout, PropPhase
from propfirm.services.fee_refunds import fee_left_minor
from trading.domain.rules import PayoutFacts, RuleSet, RuleState, Verdict
from trading.domain.rules.rewards import Payout
from trading.models import Account, Fill, Position
from trading.services.rewards import payout_check

HOLD = "Payout under review"
PAYEE = "/payouts/payee"
OPEN = (PropPayout.Status.REQUESTED, PropPayout.Status.REVIEWED)
RECENT_DISPUTE, RECENT_PAYEE = timedelta(days=30), timedelta(days=14)
# A single trade that made this share of the profit (percent) is looked at.
ONE_TRADE = 50
_IDENTITY_CONDITION = "The identity check must be done."

Check = Callable[[int, PayoutFacts], tuple[int, Verdict]]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must hold, whether it does, and where to put it right (a path, or "")."""

    text: str
    is_met: bool
    url: str = ""


@dataclass(frozen=True, slots=True)
class PurseView:
    """What a payout would come to now, in minor units. gross = trader + firm; `cap_minor` None: without a cap.

    `lost_minor` of the profit leaves the account with it and is paid to nobody: where a payout sets the balance back.
    """

    profit_minor: int
    kept_minor: int
    cap_minor: int | None
    available_minor: int
    gross_minor: int
    trader_minor: int
    firm_minor: int
    refund_minor: int
    lost_minor: int
    split_percent: Decimal


@dataclass(frozen=True, slots=True)
class PayoutStanding:
    """Eligibility of an account. `purse` is None where nothing is ever paid out; `verdict_id` 0 where none is kept."""

    is_eligible: bool
    currency: str
    lines: tuple[Line, ...]
    purse: PurseView | None
    opens_at: datetime | None
    verdict_id: int = 0

    @property
    def missing(self) -> list[str]:
        """What does not hold yet."""
        return [line.text for line in self.lines if not line.is_met]

    def to_json(self) -> dict[str, Any]:
        """Details of a refusal."""
        found: dict[str, Any] = {
            "currency": self.currency,
            "available_minor": 0 if self.purse is None else max(self.purse.available_minor, 0),
            "lines": [{"text": line.text, "is_met": line.is_met, "url": line.url} for line in self.lines],
        }
        return found | ({"verdict_id": self.verdict_id} if self.verdict_id else {})


def payout_lines(account: PropAccount, amount_minor: int | None = None) -> PayoutStanding:
    """The eligibility of an account now, before anything is asked for: nothing is written."""
    phase = PropPhase.objects.filter(account=account, status=PropPhase.Status.ACTIVE).first()
    return payout_standing(account, phase, amount_minor, _look)


def _look(account_id: int, facts: PayoutFacts) -> tuple[int, Verdict]:
    return 0, payout_check(account_id=account_id, facts=facts)


def payout_standing(
    account: PropAccount, phase: PropPhase | None, amount_minor: int | None, check: Check
) -> PayoutStanding:
    """The verdict that `check` gives, with what the firm asks beside it. Without a funded phase nothing is checked."""
    verdict_id, verdict = 0, None
    if phase is not None and phase.kind == states.FUNDED_KIND and account.status == states.FUNDED:
        verdict_id, verdict = check(phase.trading_account_id, payout_facts(account, amount_minor))
    # After the check: where it locks the trading account, these read it under that lock.
    lines = _own_lines(account, phase, has_verdict=verdict is not None)
    purse = None if verdict is None else _purse(verdict)
    if verdict is not None and phase is not None:
        lines += _verdict_lines(verdict, phase)
    if purse is not None and verdict is not None and verdict.kind == "eligible" and purse.trader_minor <= 0:
        lines.append(Line("Your share of it must be more than nothing.", is_met=False))
    if purse is not None and amount_minor is not None and amount_minor < purse.available_minor and purse.lost_minor:
        lines.append(Line("A payout takes all profit out of this account: ask for all of it.", is_met=False))
    eligible = verdict is not None and verdict.kind == "eligible" and all(line.is_met for line in lines)
    opens = None if verdict is None else verdict.figures.get("opens_at")
    return PayoutStanding(
        is_eligible=eligible,
        currency=account.plan.currency,
        lines=tuple(lines),
        purse=purse,
        opens_at=datetime.fromisoformat(opens) if opens else None,
        verdict_id=verdict_id,
    )


def payout_facts(account: PropAccount, amount_minor: int | None) -> PayoutFacts:
    """What trading cannot know. A fee that was promised back is not promised twice; what went back is not left."""
    left = 0
    if account.fee_refund == PropAccount.FeeRefund.NONE:
        left = min(account.fee_minor, fee_left_minor(account.payment))
    return PayoutFacts(
        identity_verified=identity_of(account.owner_id).is_approved, requested_minor=amount_minor, fee_paid_minor=left
    )


def _own_lines(account: PropAccount, phase: PropPhase | None, *, has_verdict: bool) -> list[Line]:
    lines = [Line("The account must be funded and live.", has_verdict)]
    open_now = PropPayout.objects.filter(account=account, status__in=OPEN).exists()
    lines.append(Line("No payout of this account may be waiting for a decision.", not open_now))
    if phase is not None:
        lines += _trading_lines(phase, under_review=open_now)
    currency = account.plan.currency
    payee = payee_of(account.owner_id)
    if payee is not None and payee.is_ready and payee.currency == currency:
        lines.append(Line(f"You are paid in {currency}, to {payee.label or 'your account'}.", is_met=True, url=PAYEE))
    elif payee is not None and payee.currency != currency:
        words = f"You must be paid in {currency}; where you are paid takes {payee.currency}."
        lines.append(Line(words, is_met=False, url=PAYEE))
    else:
        lines.append(Line(f"Where you are paid, in {currency}, must be set up.", is_met=False, url=PAYEE))
    lines.append(Line("Your identity must be checked.", identity_of(account.owner_id).is_approved, IDENTITY))
    return lines


def _trading_lines(phase: PropPhase, *, under_review: bool) -> list[Line]:
    trading = Account.objects.get(pk=phase.trading_account_id)
    lines = []
    if not (under_review and trading.lock_reason == HOLD):
        lines.append(Line("The account must not be paused.", trading.status == Account.Status.ACTIVE))
    rule = RuleSet.from_json(phase.rule_set.document).one(Payout)
    if rule is not None and not (rule.requires_flat and rule.requires_no_orders):
        # Nothing trades while a payout is looked at, so nothing may be open either, whatever the plan says.
        held = Position.objects.filter(account=trading).exclude(quantity=0).exists() or trading.open_orders_count
        words = "Nothing may be held and no order may rest: the account is locked while a payout is looked at."
        lines.append(Line(words, not held, f"/accounts/{trading.pk}"))
    return lines


def _verdict_lines(verdict: Verdict, phase: PropPhase) -> list[Line]:
    account = f"/accounts/{phase.trading_account_id}"
    found = []
    for item in verdict.figures.get("conditions", []):
        text = str(item["text"])
        if text != _IDENTITY_CONDITION:
            fixable = text.startswith("No position") or "rest; none may" in text
            found.append(Line(text, bool(item["met"]), account if fixable else ""))
    return found


def _purse(verdict: Verdict) -> PurseView | None:
    figures = verdict.figures
    if "gross_minor" not in figures:
        return None
    rule_set = RuleSet.from_json(verdict.evidence["rule_set"]["document"])
    rule = rule_set.one(Payout)
    assert rule is not None
    initial = RuleState.from_json(verdict.evidence["state"]).initial_minor
    bases = {"initial": initial, "profit": max(int(figures["profit_minor"]), 0)}
    lost = int(figures["profit_minor"]) - int(figures["gross_minor"])
    names = ("profit_minor", "available_minor", "gross_minor", "trader_minor", "firm_minor", "refund_minor")
    return PurseView(
        # What is available is rounded down, so what is kept is rounded up.
        kept_minor=0 if rule.buffer is None else -int(-rule.buffer.exact(bases, rule_set.currency) // 1),
        cap_minor=None if rule.cap is None else int(rule.cap.exact(bases, rule_set.currency)),
        lost_minor=max(lost, 0) if rule.after == "reset" and figures["gross_minor"] else 0,
        split_percent=Decimal(figures["split_percent"]),
        **{name: int(figures[name]) for name in names},
    )


def reviewer_flags(account: PropAccount, phase: PropPhase, profit_minor: int) -> list[str]:
    """What the reviewer of a payout should look at; it refuses nothing by itself."""
    now = timezone.now()
    payee = payee_require(account.owner_id, account.plan.currency)
    flags = payout_flags(User.objects.get(pk=account.owner_id), payee)
    earlier = PropPayout.objects.filter(account__owner_id=account.owner_id, status=PropPayout.Status.APPROVED)
    if not earlier.exists():
        flags.insert(0, "first payout of profit")
    findings = PropFinding.objects.filter(Q(left=account) | Q(right=account), status=PropFinding.Status.OPEN)
    flags += [f"open finding: {row.get_kind_display().lower()}" for row in findings.order_by("pk")[:5]]
    disputes = PropDispute.objects.filter(account=account, status=PropDispute.Status.REINSTATED)
    if disputes.filter(decided_at__gt=now - RECENT_DISPUTE).exists():
        flags.append(f"a verdict was undone in the last {RECENT_DISPUTE.days} days")
    best = Fill.objects.filter(account_id=phase.trading_account_id).aggregate(best=Max("realized_minor"))["best"] or 0
    if profit_minor > 0 and best * 100 >= ONE_TRADE * profit_minor:
        flags.append(f"one trade made {min(best * 100 // profit_minor, 100)}% of the profit")
    if payee.changed_at > now - RECENT_PAYEE:
        flags.append(f"where they are paid changed in the last {RECENT_PAYEE.days} days")
    if account.payment.status == money_states.DISPUTED:
        flags.append("the fee is disputed")
    return flags
