"""What a rule set gives, and what takes it back: payouts, growth, second chances, corrections, a verdict undone.

Each brings the account's rules up to the market's tick in force under its lock, decides, and books what follows: a
journal against the market's capital with an adjustment (so that cash, totals and history agree), and the new state.
A cause is booked once: its reference is the adjustment's, and `account:<id>:<reference>` is the journal's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import Sum

from core.errors import Conflict, Invalid, NotFound
from core.services import audit, outbox
from trading.domain import rules
from trading.domain.rules import RuleState
from trading.domain.types import Actor
from trading.models import Adjustment, BookChange, Fill, Verdict
from trading.services.judging import Ruled, judge, ruled_read, ruled_store
from trading.services.locking import account_lock_in_tx, account_unlock_in_tx
from trading.services.settling import cash_move, judged, locked, looked, observed, phase_begin, settle, with_rules
from trading.services.sight import Sight, sight_now

PAYOUT, SCALING, CORRECTION = "payout", "scaling", "correction"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What left the account, and its balance and equity after it, in minor units."""

    removed_minor: int
    balance_minor: int
    equity_minor: int


def payout_check(*, account_id: int, facts: rules.PayoutFacts) -> rules.Verdict:
    """Whether profit could be withdrawn at this moment: `eligible` or `ineligible`, with the purse. Nothing is written.

    Orders that rest are counted here, whatever `facts` says. Raises NotFound (`account_not_found`, `no_rules`) and
    Conflict `account_closed`.
    """
    ruled, sight = looked(account_id)
    judge(ruled, sight, mark=True)
    return _payout(ruled, facts)


def payout_check_in_tx(*, account_id: int, facts: rules.PayoutFacts) -> tuple[int, rules.Verdict]:
    """Decide under the account's lock and keep the verdict, eligible or not, with its evidence; (its id, the verdict).

    The lock stays with the caller's transaction. Orders that rest are counted here, whatever `facts` says. What the
    rules find on the way is recorded as at a tick. Raises as `payout_check`, and Conflict `corporate_action_pending`
    while one of today has not reached the account.
    """
    ruled, sight, found = judged(account_id)
    verdict = _payout(ruled, facts)
    return settle(ruled, sight, [*found, verdict]), verdict


def _payout(ruled: Ruled, facts: rules.PayoutFacts) -> rules.Verdict:
    counted = replace(facts, open_orders=ruled.account.open_orders_count, keeps_floors=True)
    return rules.payout_eligibility(ruled.rule_set, ruled.state, ruled.observed, counted)


def payout_withdraw_in_tx(*, account_id: int, gross_minor: int, reference: str, memo: str) -> Withdrawn:
    """Take a payout of `gross_minor` (minor units, before the split) out of the account, to the market's capital.

    With `after: reset` all profit leaves. Whether it may be is decided before (`payout_check_in_tx`); profit is never
    exceeded all the same. Raises Conflict `journal_exists` for a reference that was booked (nothing changes),
    `phase_closed`, `payout_exceeds_profit`, `cash_missing`; Invalid `amount_invalid`; and as `payout_check_in_tx`.
    """
    if gross_minor <= 0:
        raise Invalid("amount_invalid", "A payout is more than nothing.", {"field": "gross_minor"})
    ruled, sight, found = judged(account_id, reference)
    if ruled.state.closed_by:
        raise Conflict("phase_closed", f"This account has {ruled.state.closed_as}: nothing is paid out of it.")
    before = ruled.observed
    profit = min(before.balance_minor, before.equity_minor) - ruled.state.initial_minor
    if gross_minor > profit:
        raise Conflict("payout_exceeds_profit", "The account's profit is less than that.", {"profit_minor": profit})
    ruled.state, removed = rules.record_payout(
        ruled.rule_set, ruled.state, gross_minor=gross_minor, balance_minor=before.balance_minor, at=sight.tick.at
    )
    cash_move(ruled, sight, PAYOUT, reference, -removed, memo)
    settle(ruled, sight, found)
    # Marks may have started again: a peak of before that is on its way to be stored is of another phase.
    phase_begin(account_id)
    return Withdrawn(removed, ruled.observed.balance_minor, ruled.observed.equity_minor)


def scaling_check(*, account_id: int) -> rules.Verdict:
    """Whether the account grows now: `eligible` with figures, or `ineligible`. Raises as `payout_check`."""
    ruled, sight = looked(account_id)
    judge(ruled, sight, mark=True)
    return rules.scaling_due(ruled.rule_set, ruled.state, ruled.observed)


def scaling_apply_in_tx(*, account_id: int, reference: str) -> tuple[int, rules.Verdict]:
    """Let the account grow, if it is due: (id of the stored verdict, the verdict). Not due: (0, verdict), no change.

    Raises Conflict `journal_exists` for a reference that was booked, and as `payout_check_in_tx`.
    """
    ruled, sight, found = judged(account_id, reference)
    before = ruled.observed
    verdict = rules.scaling_due(ruled.rule_set, ruled.state, before)
    if verdict.kind != "eligible":
        return 0, verdict
    increase = int(verdict.figures["increase_minor"])
    ruled.state = rules.record_scaling(
        ruled.state, increase_minor=increase, balance_minor=before.balance_minor, at=sight.tick.at
    )
    cash_move(ruled, sight, SCALING, reference, increase, verdict.message)
    return settle(ruled, sight, [*found, verdict]), verdict


def second_chance_of(account_id: int, *, retries: int = 0, resets: int = 0) -> rules.Verdict:
    """What may follow an account's phase that ended, closed or not: `eligible` or `ineligible`. Raises NotFound.

    `retries` and `resets` that were taken since count as well: an earlier attempt may have run again.
    """
    ruled = with_rules(ruled_read(account_id), account_id)
    sight = sight_now(ruled.account.market_id)
    state = replace(ruled.state, retries=max(ruled.state.retries, retries), resets=max(ruled.state.resets, resets))
    return rules.second_chance(ruled.rule_set, state, observed(ruled, sight))


def balance_correct_in_tx(*, account_id: int, amount_minor: int, reference: str, memo: str, actor: Actor) -> None:
    """Give or take money (signed minor units) to make good an error: no day's profit or loss, but of the balance.

    Also for an account that a verdict has ended: `rules_reinstate_in_tx` takes it into account. Who may do this is the
    caller's business; it is audited with the memo. Raises Invalid `amount_invalid`, `reason_needed`; Conflict
    `journal_exists`, `cash_missing`; and as `payout_check_in_tx`.
    """
    memo = memo.strip()
    if amount_minor == 0:
        raise Invalid("amount_invalid", "A correction is not nothing.", {"field": "amount_minor"})
    if not memo:
        raise Invalid("reason_needed", "Give a reason.", {"field": "memo"})
    # Only days that are over come before it: the balance of now is not judged before it is put right.
    ruled, sight, found = judged(account_id, reference, mark=False)
    ruled.state = rules.record_correction(ruled.state, amount_minor=amount_minor)
    cash_move(ruled, sight, CORRECTION, reference, amount_minor, memo)
    found += judge(ruled, sight, mark=True)
    settle(ruled, sight, found)
    phase_begin(account_id)
    audit.record(
        actor=actor,
        action="balance_corrected",
        subject_type="account",
        subject_id=account_id,
        after={"amount_minor": amount_minor, "cash_minor": ruled.account.cash_minor, "reference": reference},
        reason=memo,
    )


def rules_reinstate_in_tx(*, account_id: int, verdict_id: int, reason: str, actor: Actor) -> None:
    """Undo the verdict that ended an account (fail, expired) or locks it (soft): it trades on under its rules.

    A closed phase goes back to the state before the verdict; days that were over meanwhile begin anew with the figures
    of now. Correct the balance first: what was put right since the verdict makes its loss smaller, what comes after is
    a correction like any other. A soft lock is lifted. What was traded since (the system closed positions) counts as no
    trade of the trader. The account's lock is lifted when that verdict made it. Who may do this is the caller's
    business. Raises NotFound (`account_not_found`, `no_rules`, `verdict_not_found`), Conflict (`account_closed`,
    `not_the_ending_verdict`, `ends_again` when the rules would end it at once) and Invalid `reason_needed`.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    ruled = locked(account_id)
    row = Verdict.objects.filter(pk=verdict_id, account_id=account_id).first()
    if row is None:
        raise NotFound("verdict_not_found", "There is no such verdict.")
    sight = sight_now(ruled.account.market_id)
    seen = observed(ruled, sight)
    ruled.state = _state_again(ruled, row, seen)
    _require_living(ruled, seen)
    newest = Fill.objects.filter(account_id=account_id).order_by("-id").values_list("id", flat=True).first()
    ruled.row.must_flatten, ruled.row.last_fill_id, ruled.fills = False, newest or 0, []
    ruled_store([ruled], sight.tick.at)
    phase_begin(account_id)
    _unlock(ruled, row, sight, reason, actor)
    # Not of the rules alone: it is judged at the next tick.
    BookChange.objects.create(account_id=account_id)
    payload = {
        "verdict_id": row.pk,
        "account_id": account_id,
        "owner_id": ruled.account.owner_id,
        "kind": row.kind,
        "rule_key": row.rule_key,
        "code": row.code,
        "reason": reason,
    }
    outbox.emit(topic="trading.verdict_undone", aggregate=f"account:{account_id}", payload=payload)
    audit.record(
        actor=actor,
        action="verdict_undone",
        subject_type="account",
        subject_id=account_id,
        before={"verdict_id": row.pk, "kind": row.kind, "code": row.code},
        after={"status": "reinstated", "balance_minor": seen.balance_minor, "equity_minor": seen.equity_minor},
        reason=reason,
    )


def _require_living(ruled: Ruled, seen: rules.Observation) -> None:
    _, again = rules.evaluate_mark(ruled.rule_set, ruled.state, seen)
    ends = next((verdict for verdict in again if verdict.kind in ("fail", "expired")), None)
    if ends is not None:
        words = f"With these figures it would end again at once: {ends.message}"
        raise Conflict("ends_again", words, {"code": ends.code})


def _state_again(ruled: Ruled, row: Verdict, seen: rules.Observation) -> RuleState:
    """The state without a verdict's end or lock. Raises Conflict when that is not what ends or locks the account."""
    state = ruled.state
    before = RuleState.from_json(row.evidence["state"])
    if row.kind in ("fail", "expired") and _closed_by(state, row):
        corrected = Adjustment.objects.filter(
            account_id=ruled.id, kind=CORRECTION, created_at__gte=row.created_at
        ).aggregate(total=Sum("cash_minor"))["total"]
        # What was put right since is no profit of that day's, but less of its loss: references stay.
        before = rules.marks_lowered(before, by_minor=max(-int(corrected or 0), 0))
        return rules.reopen(ruled.rule_set, before, state, row.rule_key, seen)
    if row.kind == "soft" and _locked_by(state, row, seen):
        said = f"{row.rule_key}|100"
        return replace(
            state,
            soft_lock_until=None,
            soft_lock_by="",
            told=tuple(word for word in state.told if word != said),
            first_trade_at=before.first_trade_at,
            last_trade_at=before.last_trade_at,
        )
    raise Conflict("not_the_ending_verdict", "This account was not ended by that verdict.")


def _closed_by(state: RuleState, row: Verdict) -> bool:
    inputs = row.evidence["inputs"]
    at = (inputs.get("observation") or inputs.get("fill") or {}).get("at")
    ended = "failed" if row.kind == "fail" else "expired"
    same = (state.closed_by, state.closed_as) == (row.rule_key, ended)
    return same and state.closed_at is not None and at == state.to_json()["closed_at"]


def _locked_by(state: RuleState, row: Verdict, seen: rules.Observation) -> bool:
    if state.closed_by or state.soft_lock_by != row.rule_key:
        return False
    later = Verdict.objects.filter(account_id=row.account_id, kind="soft", rule_key=row.rule_key, pk__gt=row.pk)
    return state.soft_lock_until is not None and state.soft_lock_until > seen.at and not later.exists()


def _unlock(ruled: Ruled, row: Verdict, sight: Sight, reason: str, actor: Actor) -> None:
    """Lift the lock that the verdict made. An operator's own stays; an earlier soft one goes on."""
    reason = ruled.account.lock_reason
    # As much of the verdict's words as a reason has room for.
    if not reason or not row.message.strip().startswith(reason):
        return
    account_unlock_in_tx(account_id=ruled.id, reason=reason, actor=actor)
    until = ruled.state.soft_lock_until
    if until is not None and until > sight.tick.at:
        account_lock_in_tx(account_id=ruled.id, reason="Locked until the next reset, as before.", until=until)
