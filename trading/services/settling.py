"""A locked account brought up to its market's tick, and what is booked on it then (trading.services.rewards)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F

from core.errors import Conflict, Invalid, NotFound
from core.push import publish
from core.services.ledger import ledger_account_get_or_create_in_tx
from marketdata import selectors as market_selectors
from marketdata.domain.types import Tick
from trading import locks
from trading.domain import rules
from trading.domain.retrace import Standing
from trading.models import Account, AccountMark, Adjustment, BookChange, EquityPoint, RuleLines
from trading.services.corporate import actions_due
from trading.services.judging import Ruled, judge, ruled_lock, ruled_read, ruled_store
from trading.services.rules import ENDS, account_end, verdicts_record
from trading.services.sight import Sight, sight_now

_LONGEST_REFERENCE = 60
_READS = 3


def missing(account_id: int) -> Exception:
    """Why an account is not to be judged."""
    row = Account.objects.filter(pk=account_id).first()
    if row is None:
        return NotFound("account_not_found", "There is no such account.")
    if not hasattr(row, "rules"):
        return NotFound("no_rules", "This account is under no rules.")
    return Conflict("account_closed", "This account is closed.")


def with_rules(ruled: Ruled | None, account_id: int) -> Ruled:
    """The account that was found; raises why there is none to judge."""
    if ruled is None:
        raise missing(account_id)
    return ruled


def locked(account_id: int) -> Ruled:
    """Lock one account under rules. Raises NotFound (`account_not_found`, `no_rules`), Conflict `account_closed`."""
    found = ruled_lock([account_id])
    return with_rules(found[0] if found else None, account_id)


def looked(account_id: int) -> tuple[Ruled, Sight]:
    """The account without a lock, as it was at one moment: read again when it traded meanwhile.

    Just before a split of today reaches it, it is looked at by the prices of the last session. Raises as `locked`.
    """
    for _ in range(_READS):
        ruled = with_rules(ruled_read(account_id), account_id)
        if ruled.is_closed:
            raise missing(account_id)
        account = ruled.account
        same = {"cash_minor": account.cash_minor, "fills_count": account.fills_count}
        if Account.objects.filter(pk=account_id, open_orders_count=account.open_orders_count, **same).exists():
            break
    sight = sight_now(ruled.account.market_id)
    return ruled, _session_before(sight) if sight.tick.phase <= 1 and _pending(ruled, sight) else sight


def _session_before(sight: Sight) -> Sight:
    line = market_selectors.timeline(sight.market.id)
    index = line.first_tick(line.day_of(sight.tick.index)) - 1
    if index < 0:
        return sight
    day = line.day_of(index)
    return Sight(sight.market, Tick(index, line.at(index), day, 0, is_new_day=False, is_last=False, quotes={}))


def judged(account_id: int, reference: str = "", *, mark: bool = True) -> tuple[Ruled, Sight, list[rules.Verdict]]:
    """Lock an account and bring its state up to the tick in force; nothing is written yet.

    With a `reference` that was booked it raises Conflict `journal_exists` first. Raises as `locked`, and Conflict
    `corporate_action_pending`.
    """
    ruled = locked(account_id)
    if reference:
        _require_new(ruled, reference)
    sight = sight_now(ruled.account.market_id)
    _require_settled(ruled, sight)
    return ruled, sight, judge(ruled, sight, mark=mark)


def account_judge_now(account_id: int) -> list[rules.Verdict]:
    """Judge an account at its market's tick in force, read under its lock: no fill is newer than the prices.

    The verdicts that are new. Raises as `judged`.
    """
    with transaction.atomic(durable=True):
        ruled, sight, verdicts = judged(account_id)
        settle(ruled, sight, verdicts)
    return verdicts


def _require_new(ruled: Ruled, reference: str) -> None:
    if len(reference) > _LONGEST_REFERENCE:
        words = f"A reference has at most {_LONGEST_REFERENCE} characters."
        raise Invalid("reference_invalid", words, {"field": "reference"})
    if Adjustment.objects.filter(account_id=ruled.id, reference=reference).exists():
        raise Conflict("journal_exists", "This has already been posted.", {"reference": reference})


def _pending(ruled: Ruled, sight: Sight) -> bool:
    """Between a split's prices and its shares an account is worth neither what it was nor what it will be."""
    return bool(ruled.now.held and actions_due(ruled.id, ruled.account.market_id, sight.tick.index))


def _require_settled(ruled: Ruled, sight: Sight) -> None:
    if _pending(ruled, sight):
        words = "A corporate action is being applied to this account. Try again in a minute."
        raise Conflict("corporate_action_pending", words)


def observed(ruled: Ruled, sight: Sight) -> rules.Observation:
    """Look at an account at the tick in force."""
    seen = sight.observe(ruled.now, sight.tick.at, sight.tick.index, ruled.account.currency)
    ruled.seen = seen
    return seen


def cash_move(ruled: Ruled, sight: Sight, kind: str, reference: str, amount_minor: int, memo: str) -> None:
    """Book cash (signed) between a locked account and its market's capital, and look at the account again."""
    account = ruled.account
    cash = account.cash_minor + amount_minor
    if not account.is_margin and cash < account.reserved_minor:
        words = "The account has not that much cash that no order holds."
        raise Conflict("cash_missing", words, {"cash_minor": account.cash_minor - account.reserved_minor})
    capital = ledger_account_get_or_create_in_tx(
        book="virtual", code=f"market:{account.market_id}:capital", kind="capital", currency=account.currency
    )
    marked = EquityPoint.objects.filter(account_id=account.pk, tick=sight.tick.index).exists()
    account.cash_minor, account.other_minor = cash, account.other_minor + amount_minor
    locks.plan_apply(
        {
            "account_id": account.pk,
            "market_id": account.market_id,
            "market_at": sight.tick.at.isoformat(),
            "currency": account.currency,
            "steps": [],
            "events": [],
            "adjustment": {
                "listing_id": None,
                "kind": kind,
                "reference": reference,
                "quantity_before": "0",
                "quantity_after": "0",
                "cost_before_minor": 0,
                "cost_after_minor": 0,
                "cash_minor": amount_minor,
                "realized_minor": 0,
                "details": {"memo": memo, "tick": sight.tick.index, "after_point": marked},
                "memo": memo[:200],
                "legs": [[account.ledger_account_id, amount_minor, ""], [capital, -amount_minor, ""]],
            },
            "account": _figures(account),
        }
    )
    ruled.now = Standing(cash, ruled.now.held)
    observed(ruled, sight)
    # The day began with this money, so that it is no day's loss; the next mark of the market writes the rest.
    AccountMark.objects.filter(pk=account.pk).update(
        equity_minor=F("equity_minor") + amount_minor,
        cash_minor=F("cash_minor") + amount_minor,
        day_equity_minor=F("day_equity_minor") + amount_minor,
    )


def _figures(account: Account) -> dict[str, int]:
    names = ("reserved_minor", "realized_minor", "fees_minor", "fills_count", "open_orders_count")
    figures: dict[str, int] = {name: getattr(account, name) for name in names}
    return figures | {"cash_minor": account.cash_minor, "other_minor": account.other_minor}


def settle(ruled: Ruled, sight: Sight, verdicts: Sequence[rules.Verdict]) -> int:
    """Write what was found and the state that it led to; the id of the last verdict, 0 without one.

    What a verdict ends is ended after the commit, and by the market's ticks while something is left.
    """
    told: list[tuple[int, dict[str, Any]]] = verdicts_record([(ruled, verdicts)], sight.tick.at)
    ruled_store([ruled], sight.tick.at)
    BookChange.objects.create(account_id=ruled.id, rules_only=True)
    for account_id, payload in told:
        transaction.on_commit(partial(publish, f"account:{account_id}", "verdict", payload), robust=True)
    if any(verdict.kind in ENDS for verdict in verdicts):
        transaction.on_commit(partial(account_end, ruled.id), robust=True)
    return int(told[-1][1]["verdict_id"]) if told else 0


def phase_begin(account_id: int) -> None:
    """Peaks that the market's process has raised before this are not stored any more."""
    RuleLines.objects.filter(pk=account_id).update(phase=F("phase") + 1)
