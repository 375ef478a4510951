"""Disputes about a verdict: judged again with the prices that should have counted; undone by two people."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.money import Money
from core.services import audit
from propfirm.domain import states
from propfirm.locks import account_lock, dispute_lock, phase_of_verdict_lock
from propfirm.models import PropAccount, PropDispute, PropPhase
from propfirm.services.moves import account_tell_in_tx, activity_in_tx, move_in_tx, tell
from propfirm.services.operators import actor_of, operator_require, other_person_require
from propfirm.services.payouts import payouts_catch_up_in_tx
from propfirm.services.purchases import fee_require
from propfirm.services.resets import reset_require
from trading.domain.rules import Observation
from trading.domain.rules.correct import observed_at, reevaluate
from trading.domain.rules.wire import decode
from trading.domain.types import Actor
from trading.locks import accounts_lock
from trading.models import Position, Verdict
from trading.selectors.rules import verdict_data
from trading.services.rewards import balance_correct_in_tx, rules_reinstate_in_tx

UPHOLD, REINSTATE = "uphold", "reinstate"
ENDS = ("fail", "expired")
MAX_BODY, MAX_PRICES = 2_000, 50


def dispute_open(*, actor: Actor, number: str, verdict_id: int, body: str) -> PropDispute:
    """The owner objects to the verdict that ended a phase of theirs; once a verdict.

    Raises NotFound; Invalid `dispute_invalid`; Conflict `not_the_ending_verdict`, `dispute_exists`.
    """
    body = body.strip()
    if not 10 <= len(body) <= MAX_BODY:
        raise Invalid("dispute_invalid", f"Say in 10 to {MAX_BODY:,} characters what is wrong.", {"field": "body"})
    found = PropAccount.objects.filter(number=number, owner_id=actor.user_id or 0).first()
    if found is None:
        raise NotFound("prop_account_not_found", "There is no such account.")
    with transaction.atomic():
        account = account_lock(found.pk)
        verdict = Verdict.objects.filter(pk=verdict_id, kind__in=ENDS).first()
        if verdict is None or not PropPhase.objects.filter(account=account, verdict=verdict).exists():
            raise Conflict("not_the_ending_verdict", "A dispute is about the verdict that ended a phase.")
        try:
            with transaction.atomic():
                dispute = PropDispute.objects.create(account=account, verdict=verdict, body=body)
        except IntegrityError as error:
            raise Conflict("dispute_exists", "You have objected to this verdict already.") from error
        activity_in_tx(account, "dispute_opened", "You object to the verdict.", verdict_id=verdict.pk, actor=actor)
        _record(actor, "prop_dispute.open", dispute, {"verdict_id": verdict.pk}, body)
        tell(account, "dispute_opened", dispute_id=dispute.pk)
    return dispute


def prices_read(raw: Mapping[str, Any]) -> dict[str, Decimal]:
    """Corrected prices by symbol. Raises Invalid `price_invalid`."""
    if len(raw) > MAX_PRICES:
        raise Invalid("price_invalid", f"At most {MAX_PRICES} prices.")
    found = {}
    for symbol, value in raw.items():
        try:
            price = Decimal(str(value))
        except InvalidOperation:
            price = Decimal("NaN")
        if not price.is_finite() or price <= 0:
            raise Invalid("price_invalid", f"The price of {symbol[:20]} must be a number above nothing.")
        found[str(symbol)] = price
    return found


def dispute_assess(
    *,
    actor: User,
    dispute_id: int,
    prices: Mapping[str, Any],
    proposal: str,
    note: str,
    balance_minor: int | None = None,
) -> PropDispute:
    """A first person judges the verdict again with corrected prices, and proposes what follows.

    `balance_minor` is the balance to go on with when it is undone; by default the equity at the corrected prices.
    Raises Forbidden, Conflict `dispute_decided`, Invalid `price_invalid`, `proposal_invalid`, `still_breached`,
    `balance_needed`.
    """
    operator_require(actor)
    if proposal not in (UPHOLD, REINSTATE) or not note.strip():
        raise Invalid("proposal_invalid", "Propose to uphold or to reinstate, and say why: the trader reads it.")
    corrected = prices_read(prices)
    with transaction.atomic():
        account, dispute = _locked(dispute_id, (PropDispute.Status.OPEN, PropDispute.Status.ASSESSED))
        other_person_require(account, actor)
        data = verdict_data(dispute.verdict)
        again = [verdict.to_json() for verdict in reevaluate(data, corrected)] if corrected else []
        if proposal == REINSTATE and corrected and any(item["kind"] in ENDS for item in again):
            raise Invalid("still_breached", "With these prices the rules still find a breach: it cannot be undone.")
        dispute.corrections = {symbol: str(price) for symbol, price in corrected.items()}
        dispute.again = [{name: item[name] for name in ("kind", "rule_key", "code", "message")} for item in again]
        dispute.proposal, dispute.note = proposal, note.strip()[:1_000]
        dispute.balance_minor = None
        if proposal == REINSTATE:
            dispute.balance_minor = _balance(data, corrected) if balance_minor is None else balance_minor
            if dispute.balance_minor is None or dispute.balance_minor <= 0:
                raise Invalid("balance_needed", "Say with which balance the account goes on.")
        dispute.status, dispute.assessed_by, dispute.assessed_at = "assessed", actor, timezone.now()
        dispute.save()
        after = {"proposal": proposal, "prices": dispute.corrections, "balance_minor": dispute.balance_minor}
        _record(actor_of(actor), "prop_dispute.assess", dispute, after, note)
    return dispute


def dispute_decide(*, actor: User, dispute_id: int, accept: bool, note: str = "") -> PropDispute:
    """A second person decides: the proposal is carried out, or the dispute is open again.

    Raises Forbidden `second_person_needed`, Conflict `dispute_not_assessed`, `account_over`.
    """
    operator_require(actor)
    with transaction.atomic():
        account, dispute = _locked(dispute_id, (PropDispute.Status.ASSESSED,))
        other_person_require(account, actor)
        if dispute.assessed_by_id == actor.pk:
            raise Forbidden("second_person_needed", "Somebody else must decide what you have proposed.")
        if not accept:
            dispute.status = PropDispute.Status.OPEN
            dispute.assessed_by, dispute.assessed_at, dispute.proposal = None, None, ""
            dispute.save()
            _record(actor_of(actor), "prop_dispute.send_back", dispute, {}, note)
            return dispute
        dispute.decided_by, dispute.decided_at = actor, timezone.now()
        if dispute.proposal == REINSTATE:
            _reinstate_in_tx(account, dispute, actor_of(actor))
            dispute.status, words = PropDispute.Status.REINSTATED, "the verdict is undone"
        else:
            dispute.status, words = PropDispute.Status.UPHELD, "the verdict stands"
        dispute.save()
        _record(actor_of(actor), f"prop_dispute.{dispute.status}", dispute, {"status": dispute.status}, note)
        if dispute.proposal == UPHOLD:
            activity_in_tx(account, "dispute_answered", f"The verdict stands. {dispute.note}",
                           verdict_id=dispute.verdict_id)  # fmt: skip
        account_tell_in_tx(account, f"dispute:{dispute.pk}", words, dispute.note, kind="prop_dispute")
        tell(account, "dispute_decided", dispute_id=dispute.pk, result=dispute.status)
    return dispute


def _reinstate_in_tx(account: PropAccount, dispute: PropDispute, actor: Actor) -> None:
    """The phase goes on: its rules as they were before the verdict, with the balance that was decided.

    Of accounts a person may have at a time this one is not counted: it was theirs all along. Payouts that were approved
    meanwhile leave it now. Raises Conflict `owner_gone`, `fee_returned`, `reset_returned`, `account_over`,
    `not_flat_yet`, and as trading does.
    """
    if account.owner.anonymised_at is not None:
        raise Conflict("owner_gone", "Its owner has left: nothing of it goes on.")
    fee_require(account)
    phase = phase_of_verdict_lock(dispute.verdict_id)
    reset_require(phase)
    running = PropPhase.objects.filter(account=account, status=PropPhase.Status.ACTIVE).exists()
    if running or account.status not in (states.FAILED, states.EXPIRED):
        raise Conflict("account_over", "The account has gone on in another way since.", {"status": account.status})
    trading_id = phase.trading_account_id
    [row] = accounts_lock([trading_id])
    if row.open_orders_count or Position.objects.filter(account_id=trading_id).exclude(quantity=0).exists():
        words = "Positions or orders of the account are not closed yet: decide when they are."
        raise Conflict("not_flat_yet", words)
    wanted = dispute.balance_minor if dispute.balance_minor is not None else row.cash_minor
    if wanted != row.cash_minor:
        balance_correct_in_tx(
            account_id=trading_id,
            amount_minor=wanted - row.cash_minor,
            reference=f"prop-dispute:{dispute.pk}",
            memo=f"Corrected after a dispute of {account.number}",
            actor=actor,
        )
    rules_reinstate_in_tx(account_id=trading_id, verdict_id=dispute.verdict_id, reason=dispute.note, actor=actor)
    payouts_catch_up_in_tx(account, phase)
    phase.status, phase.verdict, phase.ended_at = PropPhase.Status.ACTIVE, None, None
    phase.save(update_fields=["status", "verdict", "ended_at"])
    account.phase_index = phase.index
    target = states.STATUS_OF[phase.kind]
    words = f"The verdict is undone: the account goes on with {Money(wanted, account.plan.currency)}. {dispute.note}"
    move_in_tx(account, target, actor=actor, message=words, verdict_id=dispute.verdict_id)


def _balance(data: Mapping[str, Any], prices: Mapping[str, Decimal]) -> int | None:
    """The equity of the evidence at corrected prices: what the account had when it was closed by mistake."""
    raw = data["evidence"]["inputs"].get("observation")
    if raw is None:
        return None
    seen = decode(Observation, raw)
    return observed_at(seen, prices, data["evidence"]["state"]["currency"]).equity_minor


def _locked(dispute_id: int, allowed: tuple[str, ...]) -> tuple[PropAccount, PropDispute]:
    found = PropDispute.objects.filter(pk=dispute_id).values_list("account_id", flat=True).first()
    if found is None:
        raise NotFound("dispute_not_found", "There is no such dispute.")
    account = account_lock(found)
    dispute = dispute_lock(dispute_id)
    if dispute.status not in allowed:
        code = "dispute_decided" if dispute.decided_at else "dispute_not_assessed"
        raise Conflict(code, f"This dispute is {dispute.get_status_display().lower()}.", {"status": dispute.status})
    return account, dispute


def _record(actor: Actor, action: str, dispute: PropDispute, after: Mapping[str, Any], reason: str) -> None:
    audit.record(
        actor=actor, action=action, subject_type="prop_account", subject_id=dispute.account_id,
        after={"dispute_id": dispute.pk, **after}, reason=reason,
    )  # fmt: skip
