"""The firm at a glance: accounts, breaches, payouts that wait, and what funded accounts may ask for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db.models import BigIntegerField, Count, Exists, F, Min, OuterRef, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from marketdata.selectors import market_clock
from propfirm.domain import states
from propfirm.models import PropAccount, PropPayout, PropPhase
from propfirm.selectors.risk import Ruled, ruled_of
from trading.domain.rules import PayoutFacts, payout_eligibility
from trading.domain.rules.eligibility import purse
from trading.domain.rules.rewards import Payout
from trading.models import Verdict

BREACHES = ("fail", "expired", "soft")
MOST_FUNDED = 500
WAITS = (PropPayout.Status.REQUESTED, PropPayout.Status.REVIEWED)


@dataclass(frozen=True, slots=True)
class Census:
    """Accounts by status (its label) and plan (name and version); the statuses that occur, in their order."""

    statuses: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    total: tuple[int, ...]


def census() -> Census:
    """How many accounts there are; one query."""
    counted = (
        PropAccount.objects.order_by()
        .values_list("plan__rank", "plan__name", "plan__version", "status")
        .annotate(count=Count("pk"))
    )
    table: dict[tuple[int, str], dict[str, int]] = {}
    for rank, name, version, status, count in counted:
        table.setdefault((rank, f"{name} (version {version})"), {})[status] = count
    used = [item for item in PropAccount.Status if any(item.value in row for row in table.values())]
    rows = tuple((name, tuple(row.get(item.value, 0) for item in used)) for (_, name), row in sorted(table.items()))
    total = tuple(sum(counts[at] for _, counts in rows) for at in range(len(used)))
    return Census(tuple(item.label for item in used), rows, total)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Payouts of a currency that wait for a decision: how many, what traders would get, since when the first."""

    currency: str
    count: int
    trader_minor: int
    oldest: datetime


def payouts_waiting() -> list[Waiting]:
    """The queue by currency; one query."""
    rows = PropPayout.objects.filter(status__in=WAITS).order_by("currency").values("currency")
    counted = rows.annotate(count=Count("pk"), sum=Sum("trader_minor"), first=Min("created_at"))
    return [Waiting(row["currency"], row["count"], int(row["sum"]), row["first"]) for row in counted]


def day_begin(now: datetime | None = None) -> datetime:
    """When the day of the wall clock began, UTC."""
    return (now or timezone.now()).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def breaches(since: datetime) -> QuerySet[Verdict]:
    """Verdicts that ended or paused phases of the firm since a moment of the wall clock, the newest first."""
    firm = Exists(PropPhase.objects.filter(trading_account_id=OuterRef("account_id")))
    rows = Verdict.objects.filter(firm, kind__in=BREACHES, created_at__gte=since)
    return rows.select_related("account").order_by("-pk")


def breach_counts(since: datetime) -> dict[str, int]:
    """How many there are by kind; one query."""
    counted = breaches(since).order_by().values_list("kind").annotate(count=Count("pk"))
    found = dict(counted)
    return {kind: found.get(kind, 0) for kind in BREACHES}


@dataclass(slots=True)
class Liability:
    """What funded accounts of a currency hold for their traders at the latest marks, positions counted as closed.

    `accrued_minor`: the traders' shares of what could be withdrawn; `now_minor`: of accounts that fulfil every
    condition at this moment; `refund_minor`: fees that would go back with these. `counted` of `of` accounts were looked
    at, those with the largest balances over their start first.
    """

    currency: str
    of: int = 0
    counted: int = 0
    in_profit: int = 0
    ready: int = 0
    accrued_minor: int = 0
    now_minor: int = 0
    refund_minor: int = 0


def funded_fees() -> dict[int, dict[int, int]]:
    """By market and account of trading: what was paid for a funded account and has not gone back, minor units.

    At most MOST_FUNDED, those with the largest profit at their marks first; one query.
    """
    rows = PropPhase.objects.filter(status=PropPhase.Status.ACTIVE, kind=states.FUNDED_KIND)
    equity = Coalesce(F("trading_account__mark__equity_minor"), F("trading_account__cash_minor"))
    # What the account has grown by is no profit.
    began = Cast(KeyTextTransform("initial_minor", "trading_account__rules__state"), BigIntegerField())
    ranked = rows.annotate(profit=equity - began).order_by("-profit", "pk")
    names = ("trading_account__market_id", "trading_account_id", "account__fee_minor", "account__fee_refund_minor")
    found: dict[int, dict[int, int]] = {}
    for market, key, fee, back in ranked.values_list(*names)[:MOST_FUNDED]:
        found.setdefault(market, {})[key] = max(fee - back, 0)
    return found


def liability_now() -> list[Liability]:
    """By currency, of at most MOST_FUNDED accounts; five queries and one for each market."""
    rows = PropPhase.objects.filter(status=PropPhase.Status.ACTIVE, kind=states.FUNDED_KIND)
    found: dict[str, Liability] = {}
    for currency, count in rows.order_by().values_list("trading_account__currency").annotate(count=Count("pk")):
        found[currency] = Liability(currency, of=count)
    taken = {key: (market, fee) for market, fees in funded_fees().items() for key, fee in fees.items()}
    # Market time now: a mark is of the last change, which may be long ago.
    clocks = {market: market_clock(market).at for market in {market for market, _ in taken.values()}}
    for key, ruled in ruled_of(list(taken)).items():
        market, fee_minor = taken[key]
        seen = replace(ruled.seen, at=clocks[market])
        _owe(found[ruled.state.currency], replace(ruled, seen=seen), fee_minor)
    return sorted(found.values(), key=lambda item: item.currency)


def _owe(total: Liability, ruled: Ruled, fee_minor: int) -> None:
    total.counted += 1
    rule = ruled.rule_set.one(Payout)
    if rule is None or ruled.state.closed_by:
        return
    facts = PayoutFacts(identity_verified=True, fee_paid_minor=fee_minor, keeps_floors=True)
    found = purse(ruled.rule_set, rule, ruled.state, ruled.seen, facts)
    total.in_profit += found.profit_minor > 0
    total.accrued_minor += found.trader_minor
    if found.gross_minor <= 0:
        return
    verdict = payout_eligibility(ruled.rule_set, ruled.state, ruled.seen, facts)
    if verdict.kind == "eligible":
        total.ready += 1
        total.now_minor += found.trader_minor
        total.refund_minor += found.refund_minor
