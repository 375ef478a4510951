"""The provider's statement held against our books, cause by cause.

Fees and what a provider sends to our bank are booked from the statement; everything else must be in the books already.
What is not is asked about once more; what still differs is a difference, with the journal that would settle it, and
people decide.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict, DomainError, Invalid
from core.services import audit
from payments.adapters import registry
from payments.domain import chart
from payments.domain.ports import Movement, MovementKind, ObjectKind, ProviderError
from payments.models import BalanceMovement, Difference, ReconciliationRun
from payments.selectors.books import balances
from payments.selectors.reconciliation import booked_by_source
from payments.services import books
from payments.services.sync import object_ask

logger = logging.getLogger(__name__)

PAGE = 500
LATE = timedelta(hours=1)  # so long may a provider's statement lag behind what it has told us
_BANK = (MovementKind.TO_BANK, MovementKind.FROM_BANK)
_COMPARED = [kind for kind in MovementKind if kind not in (*_BANK, MovementKind.OTHER)]
_OBJECTS = {
    MovementKind.CHARGE: ObjectKind.CHARGE,
    MovementKind.REFUND: ObjectKind.REFUND,
    MovementKind.REFUND_FAILED: ObjectKind.REFUND,
    MovementKind.DISPUTE: ObjectKind.DISPUTE,
    MovementKind.DISPUTE_RETURNED: ObjectKind.DISPUTE,
    MovementKind.PAYOUT: ObjectKind.PAYOUT,
    MovementKind.PAYOUT_FAILED: ObjectKind.PAYOUT,
}
MOST_ASKED = 200
Key = tuple[str, str]  # source, currency


@dataclass(frozen=True, slots=True)
class _Found:
    kind: str
    source: str
    currency: str
    provider_minor: int
    books_minor: int
    proposal: list[list[object]]
    explanation: str


def reconcile(*, provider: str, since: datetime, until: datetime) -> ReconciliationRun:
    """Fetch the statement of a time, book fees, compare, and write down every difference.

    Raises Unavailable when the provider is not set up; a provider that fails gives a run with the status `failed`.
    """
    asked = registry.provider(provider)
    run = ReconciliationRun.objects.create(provider=provider, since=since, until=until)
    try:
        lines = asked.movements(since=since, until=until)
        while page := list(islice(lines, PAGE)):
            run.movements += len(page)
            run.fees_booked += _take(provider, page)
    except ProviderError as error:
        run.status, run.error = ReconciliationRun.Status.FAILED, error.message[:300]
        logger.error("the statement of %s could not be fetched: %s", provider, error.message)
    else:
        found = _compare(provider, since, until)
        if _ask_about(provider, found):
            found = _compare(provider, since, until)
        _write(run, found)
        run.balances = _balances(provider)
        open_ones = Difference.objects.filter(provider=provider, status=Difference.Status.OPEN).exists()
        run.status = ReconciliationRun.Status.DIFFERS if open_ones else ReconciliationRun.Status.CLEAN
    run.finished_at = timezone.now()
    run.save()
    return run


def _ask_about(provider: str, found: Sequence[_Found]) -> int:
    """Look at what differs once more at the provider: a webhook may have been lost for good; how many were."""
    sources = [one.source for one in found if one.kind != Difference.Kind.NOT_THERE][:MOST_ASKED]
    rows = BalanceMovement.objects.filter(provider=provider, source_ref__in=sources, kind__in=_OBJECTS)
    asked = dict(rows.order_by("pk").values_list("source_ref", "kind"))
    for ref, kind in asked.items():
        object_ask(provider, _OBJECTS[MovementKind(kind)], ref)
    return len(asked)


def _take(provider: str, page: Sequence[Movement]) -> int:
    """Store a page of the statement and book its fees and bank transfers, once each; how many were booked."""
    rows = [
        BalanceMovement(
            provider=provider,
            ref=line.ref,
            kind=line.kind,
            source_ref=line.source_ref,
            amount_minor=line.amount_minor,
            fee_minor=line.fee_minor,
            currency=line.currency,
            at=line.at,
            description=line.description[:200],
        )
        for line in page
    ]
    BalanceMovement.objects.bulk_create(rows, ignore_conflicts=True)
    return sum(_book(provider, line) for line in page)


def _book(provider: str, line: Movement) -> int:
    reference = f"movement:{provider}:{line.ref}"[:80]
    legs = [(chart.fees(provider), line.fee_minor), (chart.clearing(provider), -line.fee_minor)]
    if line.kind in _BANK:
        legs += [(chart.bank(provider), -line.amount_minor), (chart.clearing(provider), line.amount_minor)]
    if not any(minor for _, minor in legs):
        return 0
    with transaction.atomic(durable=True):
        if books.is_posted(reference):
            return 0
        try:
            books.post_in_tx(
                kind="statement", reference=reference, currency=line.currency, legs=legs, memo=line.description
            )
        except Conflict:  # another run was quicker
            return 0
    return 1


def _compare(provider: str, since: datetime, until: datetime) -> list[_Found]:
    """Sums by source: what moved at the provider, and what our journals say moved."""
    rows = BalanceMovement.objects.filter(provider=provider)
    touched = rows.filter(at__gte=since, at__lt=until, kind__in=_COMPARED).values_list("source_ref", flat=True)
    ours = booked_by_source(provider, since=since, until=until, also=set(touched))
    # What was booked in this time may stand on the statement of another one.
    sources = {*touched, *(source for source, _ in ours)}
    sums = rows.filter(kind__in=_COMPARED, source_ref__in=sources).values_list("source_ref", "currency")
    theirs = {(source, currency): int(total) for source, currency, total in
              sums.annotate(total=Sum("amount_minor")).order_by()}  # fmt: skip
    settled = set(
        Difference.objects.filter(provider=provider, status=Difference.Status.BOOKED).values_list(
            "source_ref", "currency", "provider_minor"
        )
    )
    late = timezone.now() - LATE
    found = []
    for source, currency in sorted({*theirs, *ours}):
        key = (source, currency)
        has, booked = theirs.get(key), ours.get(key)
        if (has or 0) == (booked.minor if booked else 0) or (source, currency, has or 0) in settled:
            continue
        if has is None and booked is not None and booked.at > late:
            continue
        found.append(_difference(provider, key, has, booked.minor if booked else None))
    return found


def _difference(provider: str, key: Key, has: int | None, booked: int | None) -> _Found:
    source, currency = key
    gap = (has or 0) - (booked or 0)
    legs: list[list[object]] = [[chart.clearing(provider), gap], [chart.SUSPENSE_ACCOUNT, -gap]]
    if booked is None:
        kind, why = (
            Difference.Kind.NOT_BOOKED,
            "The provider's statement has it, and no payment, refund or payout does.",
        )
    elif has is None:
        kind, why = Difference.Kind.NOT_THERE, "It is in the books, and an hour later still not on the statement."
    else:
        kind, why = Difference.Kind.AMOUNT, "Both have it, with different amounts."
    return _Found(kind, source, currency, has or 0, booked or 0, legs, why)


def _write(run: ReconciliationRun, found: list[_Found]) -> None:
    """Open what is new, and close what is no longer there."""
    with transaction.atomic(durable=True):
        rows = Difference.objects.select_for_update(no_key=True).filter(
            provider=run.provider, status=Difference.Status.OPEN
        )
        known = {(row.source_ref, row.currency): row for row in rows}
        for one in found:
            row = known.pop((one.source, one.currency), None) or Difference(run=run, provider=run.provider)
            row.kind, row.source_ref, row.currency = one.kind, one.source, one.currency
            row.provider_minor, row.books_minor = one.provider_minor, one.books_minor
            row.proposal, row.explanation = one.proposal, one.explanation
            row.save()
        for row in known.values():
            row.status, row.settled_at = Difference.Status.GONE, timezone.now()
            row.save(update_fields=["status", "settled_at"])


def _balances(provider: str) -> dict[str, list[int]]:
    """By currency: what the stored statement adds up to, and what the books have."""
    rows = BalanceMovement.objects.filter(provider=provider).values_list("currency")
    sums = rows.annotate(amount=Sum("amount_minor"), fee=Sum("fee_minor")).order_by()
    theirs = {currency: int(amount - fee) for currency, amount, fee in sums}
    code = chart.clearing(provider)
    ours = {currency: minor for (found, currency), minor in balances(code).items() if found == code}
    return {currency: [theirs.get(currency, 0), ours.get(currency, 0)] for currency in sorted({*theirs, *ours})}


def difference_book(*, actor: User, difference_id: int, reason: str) -> None:
    """Post the journal that was proposed. Raises Invalid, Conflict."""
    with transaction.atomic(durable=True):
        row = _open(difference_id, reason)
        books.post_in_tx(
            kind="reconciliation",
            reference=f"reconciliation:{row.pk}",
            currency=row.currency,
            legs=[(str(account), int(str(minor))) for account, minor in row.proposal],
            memo=reason,
        )
        _settle(row, actor, Difference.Status.BOOKED, reason)


def difference_dismiss(*, actor: User, difference_id: int, reason: str) -> None:
    """Leave the books as they are, and say why. Raises Invalid, Conflict."""
    with transaction.atomic(durable=True):
        _settle(_open(difference_id, reason), actor, Difference.Status.DISMISSED, reason)


def _open(difference_id: int, reason: str) -> Difference:
    if not reason.strip():
        raise Invalid("reason_required", "Say why: it is in the audit trail.")
    row = Difference.objects.select_for_update(no_key=True).get(pk=difference_id)
    if row.status != Difference.Status.OPEN:
        raise Conflict("difference_settled", "This difference has been settled.")
    return row


def _settle(row: Difference, actor: User, status: str, reason: str) -> None:
    row.status, row.settled_by, row.reason, row.settled_at = status, actor, reason[:300], timezone.now()
    row.save()
    audit.record(
        actor=actor,
        action=f"difference.{status}",
        subject_type="difference",
        subject_id=row.pk,
        after={"source": row.source_ref, "proposal": row.proposal},
        reason=reason,
    )


def reconcile_all(*, days: int = 35) -> list[ReconciliationRun]:
    """Reconcile every provider that is set up, over the last days; one that fails does not stop the others."""
    until = timezone.now()
    runs = []
    for name in registry.NAMES:
        if registry.is_set_up(name):
            try:
                runs.append(reconcile(provider=name, since=until - timedelta(days=days), until=until))
            except DomainError as error:
                logger.error("%s could not be reconciled: %s", name, error.message)
    return runs
