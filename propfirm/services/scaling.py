"""Growth: funded accounts whose period is over grow as their rules say. Each period is decided once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from core.errors import DomainError
from core.money import Money
from core.services import audit
from marketdata import selectors as market_selectors
from propfirm.domain import states
from propfirm.locks import account_lock, phase_lock
from propfirm.models import PropAccount, PropActivity, PropPayout, PropPhase
from propfirm.services.moves import account_tell_in_tx, activity_in_tx, tell
from propfirm.services.payout_lines import OPEN
from trading.domain.rules import RuleSet, RuleState
from trading.domain.rules.rewards import Scaling
from trading.domain.rules.times import add_months
from trading.models import AccountRules
from trading.services.rewards import scaling_apply_in_tx

logger = logging.getLogger(__name__)

BATCH = 500
SCALED = "scaled"


def scaling_run() -> int:
    """Let the accounts grow that may; how many did. One that cannot just now stops no other, and is tried tomorrow."""
    return sum(_scale(account_id) for account_id in _over())


def _over() -> Iterator[int]:
    """Accounts whose period is over by their market's clock, a batch of phases at a time."""
    clocks: dict[int, datetime] = {}
    last = 0
    while True:
        rows = PropPhase.objects.filter(
            pk__gt=last,
            status=PropPhase.Status.ACTIVE,
            kind=states.FUNDED_KIND,
            account__status=PropAccount.Status.FUNDED,
            rule_set__document__rules__contains=[{"kind": Scaling.kind}],
        )
        found = list(rows.select_related("rule_set", "trading_account").order_by("pk")[:BATCH])
        if not found:
            return
        last = found[-1].pk
        kept = dict(
            AccountRules.objects.filter(pk__in=[row.trading_account_id for row in found]).values_list("pk", "state")
        )
        for row in found:
            market_id = row.trading_account.market_id
            if market_id not in clocks:
                clocks[market_id] = market_selectors.market_clock(market_id).at
            rule = RuleSet.from_json(row.rule_set.document).one(Scaling)
            if rule is None or row.trading_account_id not in kept:
                continue
            state = RuleState.from_json(kept[row.trading_account_id])
            began = state.scale_at or state.started_at
            if clocks[market_id] >= add_months(began, rule.every_months, rule.zone):
                yield row.account_id


def _scale(account_id: int) -> bool:
    try:
        with transaction.atomic(durable=True):
            return _scale_in_tx(account_lock(account_id))
    except DomainError as error:
        logger.warning("account %s does not grow yet: %s", account_id, error.message)
        return False


def _scale_in_tx(account: PropAccount) -> bool:
    phase = phase_lock(account)
    if phase is None or account.status != states.FUNDED:
        return False
    # A payout counts towards the period once it is decided; until then the account stays as it was found.
    if PropPayout.objects.filter(account=account, status__in=OPEN).exists():
        return False
    grown = PropActivity.objects.filter(account=account, kind=SCALED, data__phase=phase.pk).count() + 1
    reference = f"scaling:{phase.pk}:{grown}"
    verdict_id, verdict = scaling_apply_in_tx(account_id=phase.trading_account_id, reference=reference)
    if verdict.kind != "eligible":
        return False
    increase = Money(int(verdict.figures["increase_minor"]), account.plan.currency)
    now = Money(int(verdict.figures["new_initial_minor"]), account.plan.currency)
    message = f"The account grows by {increase} to {now}."
    data = {"phase": phase.pk, "increase_minor": increase.minor, "initial_minor": now.minor}
    activity_in_tx(account, SCALED, message, data=data, verdict_id=verdict_id)
    audit.record(
        actor=None, action="prop_account.scaled", subject_type="prop_account", subject_id=account.pk,
        after={**data, "verdict_id": verdict_id},
    )  # fmt: skip
    tell(account, SCALED, verdict_id=verdict_id, **data)
    account_tell_in_tx(account, reference, "grows", message)
    return True
