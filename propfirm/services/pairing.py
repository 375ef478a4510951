"""Looking for accounts of the firm that trade the same, or the opposite, of each other. It writes findings only."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.services import audit, outbox
from marketdata import selectors as market_selectors
from propfirm.domain import states
from propfirm.locks import findings_lock
from propfirm.models import PropFinding, PropPhase
from trading.domain.pairs import pair_leads
from trading.domain.pairs_figures import GROWN, Lead, strongest
from trading.selectors.pair_trades import trades_of_accounts

logger = logging.getLogger(__name__)

SCAN_EVERY = 3_600
LOOKS_BACK = timedelta(days=14)
MOST_ACCOUNTS = 20_000  # of a market, the newest
MOST_LEADS = 500
KINDS = {"mirrored": PropFinding.Kind.COPY, "opposite": PropFinding.Kind.OPPOSITE}
_Key = tuple[str, int, int]
Seat = tuple[int, int]  # the firm's account, its owner


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan has written: findings that are new, brought up to date, and opened again."""

    new: int = 0
    updated: int = 0
    reopened: int = 0


def pairing_scan() -> Scanned:
    """Compare the accounts that trade, market by market, over the last 14 days. Repeating it changes nothing.

    An open finding takes its new score and evidence; one that was dismissed comes back when its score has grown by 10.
    """
    rows = PropPhase.objects.filter(status=PropPhase.Status.ACTIVE, account__status__in=states.LIVE)
    seats: dict[int, dict[int, Seat]] = defaultdict(dict)
    columns = ("trading_account__market_id", "trading_account_id", "account_id", "account__owner_id")
    for market_id, trading_id, account_id, owner_id in rows.order_by("-pk").values_list(*columns):
        if len(seats[market_id]) < MOST_ACCOUNTS:
            seats[market_id][trading_id] = (account_id, owner_id)
    total = Scanned()
    for market_id, here in sorted(seats.items()):
        try:
            done = _scan(market_id, here)
        except Exception:
            logger.exception("accounts of market %s could not be compared", market_id)
            continue
        total = Scanned(total.new + done.new, total.updated + done.updated, total.reopened + done.reopened)
    return total


def _scan(market_id: int, seats: Mapping[int, Seat]) -> Scanned:
    if len(seats) < 2:
        return Scanned()
    at = market_selectors.market_clock(market_id).at
    trades = trades_of_accounts(sorted(seats), since=at - LOOKS_BACK, until=at)
    leads = strongest(pair_leads(trades, frozenset()), MOST_LEADS)
    symbols = {item.id: item.symbol for item in market_selectors.listings(market_id)}
    found = {key: row for lead in leads if (row := _row(lead, market_id, seats, symbols)) and (key := _key(row))}
    return _store(market_id, found)


def _row(lead: Lead, market_id: int, seats: Mapping[int, Seat], symbols: Mapping[int, str]) -> PropFinding | None:
    kind = KINDS.get(lead.kind)
    if kind is None or lead.other is None:
        return None
    one, other = sorted((seats[lead.account], seats[lead.other]))
    evidence: dict[str, Any] = {
        **lead.evidence,
        "accounts": sorted((lead.account, lead.other)),
        "same_owner": one[1] == other[1],
    }
    for match in evidence.get("matches", ()):
        match["symbol"] = symbols.get(match["listing"], "")
    score = Decimal(lead.score) / 100
    return PropFinding(
        kind=kind, left_id=one[0], right_id=other[0], market_id=market_id, score=score, evidence=evidence
    )


def _key(row: PropFinding) -> _Key:
    return str(row.kind), row.left_id, row.right_id


def _store(market_id: int, found: Mapping[_Key, PropFinding]) -> Scanned:
    now = timezone.now()
    with transaction.atomic():
        # Of any market: a pair has one finding, and phases of theirs may have been traded elsewhere.
        known = {_key(row): row for row in findings_lock({side for _, *pair in found for side in pair})}
        fresh = [row for key, row in found.items() if key not in known]
        PropFinding.objects.bulk_create(fresh)
        changed: list[PropFinding] = []
        reopened: list[PropFinding] = []
        for key, row in found.items():
            before = known.get(key)
            if before is None or before.status == PropFinding.Status.CONFIRMED:
                continue
            if before.status == PropFinding.Status.DISMISSED:
                if row.score < before.score + Decimal(GROWN) / 100:
                    continue
                before.status, before.decided_by, before.reason = PropFinding.Status.OPEN, None, ""
                reopened.append(before)
            before.score, before.evidence, before.last_seen_at = row.score, row.evidence, now
            before.market_id = market_id
            changed.append(before)
        fields = ["market", "score", "evidence", "last_seen_at", "status", "decided_by", "reason"]
        PropFinding.objects.bulk_update(changed, fields, batch_size=200)
        if fresh or reopened:
            payload = {"market_id": market_id, "new": [row.pk for row in fresh], "reopened": [r.pk for r in reopened]}
            outbox.emit(topic="propfirm.findings", aggregate=f"market:{market_id}", payload=payload)
        audit.record_many(
            audit.Act(
                actor=None,
                action="prop_finding.reopened",
                subject_type="prop_finding",
                subject_id=row.pk,
                before={"status": PropFinding.Status.DISMISSED.value},
                after={"status": PropFinding.Status.OPEN.value, "score": str(row.score)},
                reason="They trade the same far more often than when this was dismissed.",
            )
            for row in reopened
        )
    return Scanned(len(fresh), len(changed) - len(reopened), len(reopened))
