"""The rules of accounts: rule sets, what is assigned to whom, and what a tick makes of it.

The sweep nominates, the locked row decides (trading.services.judging). A verdict is stored with its evidence in the
transaction that stores the state that it led to, and locks the account in it; orders and positions end right after, and
at every later tick while some are left.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from core.errors import Conflict, DomainError, Invalid, NotFound
from core.push import publish
from core.services import audit, outbox
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick, iso
from trading import locks
from trading.domain import rules
from trading.domain.retrace import Standing, retrace
from trading.domain.rules import Lines
from trading.domain.rules.sweep import micros
from trading.domain.types import SYSTEM, Actor
from trading.models import Account, AccountRules, BookChange, Fill, Position, RuleLines, RuleSet, Verdict
from trading.services.book import book_of, forget
from trading.services.flatten import account_flatten
from trading.services.judging import Ruled, judge, ruled_lock, ruled_store
from trading.services.locking import accounts_lock_in_tx
from trading.services.sight import Sight

logger = logging.getLogger(__name__)

# Accounts judged in one transaction: their rows stay locked for as long as it lasts.
CHUNK = 100
# Accounts and groups that are closed stand still.
_LIVING = ~Q(account__status="closed") & (Q(account__group=None) | ~Q(account__group__status="closed"))
ENDS = ("fail", "expired", "soft")


def rule_set_store(*, document: Any, actor: Actor = SYSTEM) -> RuleSet:
    """Keep a version of a rule set for good; the same document again gives the row that is there.

    Raises Invalid ("invalid_rule_set", with problems by path), and Conflict ("rule_set_version_taken") when the version
    has another document.
    """
    read = rules.RuleSet.from_json(document)
    kept = RuleSet.objects.filter(name=read.name, version=read.version).first()
    if kept is None:
        row = RuleSet(
            name=read.name,
            version=read.version,
            currency=read.currency,
            document=read.to_json(),
            hash=read.document_hash,
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
                audit.record(actor=actor, action="rule_set_stored", subject_type="rule_set", subject_id=row.pk)
        except IntegrityError:
            kept = RuleSet.objects.get(name=read.name, version=read.version)
        else:
            return row
    if kept.hash != read.document_hash:
        words = f"{read.name} has a version {read.version} with other rules. Versions never change: give the next one."
        raise Conflict("rule_set_version_taken", words, {"name": read.name, "version": read.version})
    return kept


def rules_assign_in_tx(*, account_id: int, rule_set_id: int, retries: int = 0, resets: int = 0) -> None:
    """Put an account under a rule set from now on: a phase begins with its balance of this moment.

    Earlier rules and what they remembered are replaced; verdicts stay. Raises NotFound, Conflict ("account_closed"),
    Invalid ("currency_differs").
    """
    found = locks.accounts_lock([account_id])
    rule_set = RuleSet.objects.filter(pk=rule_set_id).first()
    if not found or rule_set is None:
        what = "account" if rule_set else "rule_set"
        raise NotFound(f"{what}_not_found", f"There is no such {what.replace('_', ' ')}.")
    account = found[0]
    if account.status == Account.Status.CLOSED:
        raise Conflict("account_closed", "This account is closed.")
    if account.currency != rule_set.currency:
        raise Invalid("currency_differs", f"These rules are in {rule_set.currency}, the account in {account.currency}.")
    at = market_selectors.market_clock(account.market_id).at
    held = Position.objects.filter(account_id=account_id).exclude(quantity=0)
    held_now = {item.listing_id: (item.quantity, item.cost_minor) for item in held}
    now = Standing(account.cash_minor, held_now)
    read = rules.RuleSet.from_json(rule_set.document)
    state = rules.start(read, initial_minor=now.balance_minor, at=at, retries=retries, resets=resets)
    last = Fill.objects.filter(account_id=account_id).order_by("-id").values_list("id", flat=True).first() or 0
    row = AccountRules(account=account, rule_set=rule_set, state={}, last_fill_id=last, started_at=at)
    _begin(row)
    seen = rules.Observation(at, now.balance_minor, now.balance_minor)
    ruled_store([Ruled(account, row, read, state, now, [], retrace(now, []), seen=seen)], at)
    RuleLines.objects.filter(pk=account_id).update(phase=F("phase") + 1)
    payload = {"account_id": account_id, "owner_id": account.owner_id, "rule_set": rule_set.pk, "hash": rule_set.hash}
    _changed(account_id)
    outbox.emit(topic="trading.rules_assigned", aggregate=f"account:{account_id}", payload=payload)
    audit.record(actor=None, action="rules_assigned", subject_type="account", subject_id=account_id, after=payload)


def _begin(row: AccountRules) -> None:
    values = {"rule_set": row.rule_set, "state": {}, "last_fill_id": row.last_fill_id, "started_at": row.started_at}
    defaults = {**values, "status": AccountRules.Status.ACTIVE, "must_flatten": False}
    AccountRules.objects.update_or_create(account=row.account, defaults=defaults)


def _changed(account_id: int) -> None:
    """Let the process that keeps the market's accounts in memory read this one's rules again."""
    BookChange.objects.create(account_id=account_id, rules_only=True)


def rules_evaluate(account_id: int, tick: Tick) -> list[rules.Verdict]:
    """Judge one account at a tick of its market, under its lock; its new verdicts. [] without rules."""
    market_id = Account.objects.filter(pk=account_id).values_list("market_id", flat=True).first()
    if market_id is None:
        raise NotFound("account_not_found", "There is no such account.")
    sight = Sight(market_selectors.market_view(market_id), tick)
    verdicts: list[rules.Verdict] = []
    judge_many(sight, [account_id], mark=True, found=verdicts, tell=True)
    return verdicts


def judge_many(
    sight: Sight,
    account_ids: Sequence[int],
    *,
    mark: bool,
    found: list[rules.Verdict] | None = None,
    tell: bool = False,
) -> dict[int, Lines]:
    """Judge accounts a chunk at a time and do what their verdicts say; the new lines by account.

    `tell`: let the process that keeps the market in memory know.
    """
    made: dict[int, Lines] = {}
    ids = sorted(account_ids)
    for start in range(0, len(ids), CHUNK):
        with transaction.atomic(durable=True):
            judged = ruled_lock(ids[start : start + CHUNK])
            given = [(ruled, judge(ruled, sight, mark=mark)) for ruled in judged]
            told = verdicts_record(given, sight.tick.at)
            ended = [ruled.id for ruled in judged if ruled.row.must_flatten]
            if found is not None:
                found += [verdict for _, verdicts in given for verdict in verdicts]
            made |= ruled_store(judged, sight.tick.at)
            if tell:
                for ruled in judged:
                    _changed(ruled.id)
        for account_id, payload in told:
            publish(f"account:{account_id}", "verdict", payload)
        for account_id in ended:
            account_end(account_id)
    return made


def verdicts_record(
    found: Sequence[tuple[Ruled, Sequence[rules.Verdict]]], at: datetime
) -> list[tuple[int, dict[str, Any]]]:
    """Store verdicts of locked accounts with audit and events, and lock the accounts as they say.

    What is to be told once the transaction has committed: (account, payload with `verdict_id`), one for each.
    """
    given = [(ruled, verdict) for ruled, verdicts in found for verdict in verdicts]
    rows = Verdict.objects.bulk_create(_row(ruled, verdict, at) for ruled, verdict in given)
    told = [(ruled.id, _payload(ruled, row)) for (ruled, _), row in zip(given, rows, strict=True)]
    outbox.emit_many(("trading.verdict", f"account:{account_id}", payload) for account_id, payload in told)
    audit.record_many(
        audit.Act(
            actor=None,
            action=f"verdict_{row.kind}",
            subject_type="account",
            subject_id=row.account_id,
            after={"verdict_id": row.pk, "code": row.code, "inputs_hash": row.inputs_hash},
            reason=row.message,
        )
        for row in rows
    )
    ends = [(ruled, verdict) for ruled, verdict in given if verdict.kind in ENDS]
    for ruled, _ in ends:
        ruled.row.must_flatten = True
    accounts_lock_in_tx(
        (ruled.account, verdict.message, ruled.state.soft_lock_until if verdict.kind == "soft" else None)
        for ruled, verdict in ends
    )
    return told


def _row(ruled: Ruled, verdict: rules.Verdict, at: datetime) -> Verdict:
    return Verdict(
        account=ruled.account,
        rule_set=ruled.row.rule_set,
        rule_key=verdict.rule_key,
        kind=verdict.kind,
        code=verdict.code,
        message=verdict.message,
        evidence=verdict.evidence,
        inputs_hash=verdict.evidence["inputs_hash"],
        market_at=at,
    )


def _payload(ruled: Ruled, row: Verdict) -> dict[str, Any]:
    return {
        "verdict_id": row.pk,
        "account_id": ruled.id,
        "owner_id": ruled.account.owner_id,
        "kind": row.kind,
        "rule_key": row.rule_key,
        "code": row.code,
        "message": row.message,
        "market_at": iso(row.market_at),
    }


def account_end(account_id: int) -> bool:
    """Cancel the orders and close the positions of an account that a verdict ended; whether nothing is left."""
    try:
        report = account_flatten(actor=SYSTEM, account_id=account_id, code="rule_breached", source="rules")
    except DomainError:
        logger.exception("account %s could not be flattened", account_id)
        return False
    if report.is_flat:
        AccountRules.objects.filter(pk=account_id).update(must_flatten=False)
    else:
        logger.warning("account %s is not flat after its verdict: %s", account_id, report.left)
    return report.is_flat


def rules_roll(market: MarketView, tick: Tick) -> int:
    """Roll the day of every account whose reset has come by the market's clock, before the tick does anything else.

    Each is judged as it stood at the reset, at the last prices before it: no tick and no trade is waited for. Then what
    earlier verdicts left of orders and positions is tried again. Returns how many accounts were rolled.
    """
    due = RuleLines.objects.filter(_LIVING, market_id=market.id, reset_us__lte=micros(tick.at))
    ids = list(due.order_by("account_id").values_list("account_id", flat=True))
    made = judge_many(Sight(market, tick), ids, mark=False) if ids else {}
    book_of(market.id).rules_put(made)
    left = AccountRules.objects.filter(_LIVING, must_flatten=True, account__market_id=market.id)
    for account_id in list(left.order_by("account_id").values_list("account_id", flat=True)):
        account_end(account_id)
    return len(made)


def rules_sweep(market: MarketView, tick: Tick) -> int:
    """Judge the accounts that the marks of a tick nominated, under their locks; returns how many were judged."""
    book = book_of(market.id)
    nominated = book.nominated_take(tick.index)
    if nominated:
        book.rules_put(judge_many(Sight(market, tick), list(nominated), mark=True))
    if tick.is_last:
        forget(market.id)
    return len(nominated)
