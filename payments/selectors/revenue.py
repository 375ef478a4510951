"""What the dashboard of money shows: flows and balances from the books, and the queues that people work on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from core.models import LedgerAccount, Posting
from payments.models import Difference, Dispute, Payment, Payout, Refund, WebhookDelivery

DAYS = (1, 7, 30)
# Title, kind of journal (empty: any), beginning of the account's code, sign.
_FLOWS = (
    ("Captured", "capture", "clearing:", 1),
    ("Refunded", "refund", "clearing:", -1),
    ("Disputed", "dispute", "clearing:", -1),
    ("Fees", "", "fees:", 1),
    ("Revenue", "", "revenue:", -1),
    ("Costs", "", "costs:", 1),
    ("Paid out", "payout", "clearing:", -1),
)
_STANDS = (
    ("At providers", "clearing:", 1),
    ("Held in disputes", "dispute:", 1),
    ("Deferred income", "deferred:", -1),
    ("Prize pools", "prize_pool:", -1),
    ("Payable", "payable:", -1),
    ("Payouts on their way", "reserved:", -1),
    ("Paid and not handed over", "customer:", -1),
    ("Taxes", "tax:", -1),
    ("Suspense", "suspense", 1),
)


@dataclass(frozen=True, slots=True)
class Flow:
    """What moved in the last day, week and 30 days, in minor units."""

    title: str
    today: int
    week: int
    month: int


@dataclass(frozen=True, slots=True)
class CurrencyMoney:
    """The money of one currency: what moved, and what stands now (title, minor units)."""

    currency: str
    flows: tuple[Flow, ...]
    stands: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for people. `oldest`: since when the first of it; `due`: when the first has to be answered."""

    title: str
    count: int
    oldest: datetime | None
    page: str
    query: str
    due: datetime | None = None


def money_of(now: datetime) -> list[CurrencyMoney]:
    """Flows and balances by currency, in two queries whatever the size of the chart."""
    moved = _moved(now)
    stand = {
        (row["account__code"], row["currency"]): int(row["total"])
        for row in _real().values("account__code", "currency").annotate(total=Sum("amount_minor")).order_by()
    }
    currencies = sorted({currency for _, _, currency in moved} | {currency for _, currency in stand})
    return [
        CurrencyMoney(
            currency=currency,
            flows=tuple(_flow(moved, currency, *wanted) for wanted in _FLOWS),
            stands=tuple(
                (title, sign * sum(v for (code, c), v in stand.items() if c == currency and code.startswith(beginning)))
                for title, beginning, sign in _STANDS
            ),
        )
        for currency in currencies
    ]


def _real() -> QuerySet[Posting]:
    return Posting.objects.filter(account__book=LedgerAccount.Book.REAL)


def _moved(now: datetime) -> dict[tuple[str, str, str], tuple[int, ...]]:
    """(journal's kind, account's code, currency) -> what moved in a day, a week, 30 days."""
    since = [now - timedelta(days=days) for days in DAYS]
    day, week, month = (Sum("amount_minor", filter=Q(journal__created_at__gte=at), default=0) for at in since)
    rows = _real().filter(journal__created_at__gte=since[-1])
    found = rows.values_list("journal__kind", "account__code", "currency").annotate(day=day, week=week, month=month)
    return {(kind, code, currency): tuple(map(int, sums)) for kind, code, currency, *sums in found.order_by()}


def _flow(
    moved: dict[tuple[str, str, str], tuple[int, ...]], currency: str, title: str, kind: str, beginning: str, sign: int
) -> Flow:
    fitting = [
        sums
        for (journal, code, of), sums in moved.items()
        if of == currency and code.startswith(beginning) and kind in ("", journal)
    ]
    today, week, month = (sign * sum(sums[index] for sums in fitting) for index in range(len(DAYS)))
    return Flow(title, today, week, month)


def queues() -> list[Queue]:
    """What waits for people, whether there is any or not."""
    waiting = Payout.objects.filter(status__in=["requested", "reviewed", "approved", "sending"])
    payouts: dict[str, tuple[int, datetime | None]] = {
        status: (count, oldest)
        for status, count, oldest in waiting.values_list("status")
        .annotate(count=Count("pk"), oldest=Min("created_at"))
        .order_by()
    }
    found = [
        Queue(title, *payouts.get(status, (0, None)), "payout", f"status__exact={status}")
        for title, status in (
            ("Payouts to review", "requested"),
            ("Payouts to approve", "reviewed"),
            ("Payouts to send", "approved"),
            ("Payouts being sent", "sending"),
        )
    ]
    disputes = Dispute.objects.filter(status=Dispute.Status.OPEN).aggregate(
        count=Count("pk"), oldest=Min("created_at"), due=Min("due_at")
    )
    found.append(
        Queue("Disputes to answer", disputes["count"], disputes["oldest"], "dispute", "status__exact=open",
              disputes["due"])
    )  # fmt: skip
    problems = Payment.objects.exclude(problem="").filter(refunded_minor__lt=F("captured_minor"))
    for title, rows, at, page, query in (
        ("Paid and not handed over", problems, "created_at", "payment", "with_problem=1"),
        ("Refunds that failed", Refund.objects.filter(status="failed"), "created_at", "refund", "status__exact=failed"),
        ("Webhooks waiting", WebhookDelivery.objects.filter(status="received"), "received_at", "webhookdelivery",
         "status__exact=received"),
        ("Webhooks set aside", WebhookDelivery.objects.filter(status="poison"), "received_at", "webhookdelivery",
         "status__exact=poison"),
        ("Differences with providers", Difference.objects.filter(status="open"), "created_at", "difference",
         "status__exact=open"),
    ):  # fmt: skip
        waits = rows.aggregate(count=Count("pk"), oldest=Min(at))
        found.append(Queue(title, waits["count"], waits["oldest"], page, query))
    return found
