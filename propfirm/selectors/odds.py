"""What the odds are drawn from: closed trades as they were, and funded accounts as they stand. Bounded reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import F, Q

from propfirm.domain.odds_live import LiveAccount
from trading import selectors as trading_selectors
from trading.domain.performance import RoundTrip, TradeFill, trades_of
from trading.domain.rules import RuleSet, RuleState
from trading.models import Account, AccountRules, Adjustment, Fill, Position

# A closed trade is two fills at least: the newest 5,000 trades.
MAX_FILLS = 10_000
MAX_POOLED_FILLS = 60_000
MAX_OWN_ACCOUNTS = 200

_NEWEST = """
SELECT f.id FROM unnest(%s::bigint[]) AS a(id)
CROSS JOIN LATERAL (SELECT id FROM trading_fill WHERE account_id = a.id ORDER BY id DESC LIMIT %s) f
ORDER BY f.id DESC LIMIT %s
"""
_FILL = ("account_id", "market_at", "listing_id", "listing__symbol", "side", "quantity", "price", "notional_minor",
         "fee_minor")  # fmt: skip


@dataclass(frozen=True, slots=True)
class AccountTrades:
    """The newest closed trades of an account, oldest first. `balance_minor`: closed profit with the starting cash."""

    account_id: int
    initial_minor: int
    balance_minor: int
    trades: tuple[RoundTrip, ...]


def own_account_ids(user_id: int) -> list[int]:
    """The person's accounts that have traded, newest first, at most MAX_OWN_ACCOUNTS."""
    rows = Account.objects.filter(owner_id=user_id, fills_count__gt=0).order_by("-id")
    return list(rows.values_list("pk", flat=True)[:MAX_OWN_ACCOUNTS])


def closed_trades(account_ids: Sequence[int], *, most: int = MAX_FILLS) -> list[AccountTrades]:
    """Closed trades of some accounts, made of their newest fills, `most` in all. In the order of the ids."""
    accounts = {row.pk: row for row in Account.objects.filter(pk__in=account_ids, fills_count__gt=0)}
    if not accounts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [list(accounts), most, most])
        ids = [row[0] for row in cursor.fetchall()]
    fills: dict[int, list[TradeFill]] = defaultdict(list)
    for account_id, *row in Fill.objects.filter(pk__in=ids).order_by("id").values_list(*_FILL):
        fills[account_id].append(TradeFill(*row))
    cut = {pk for pk, row in accounts.items() if row.fills_count > len(fills[pk])}
    held, changed = _held(cut), _changed(accounts)
    found = []
    for account_id in account_ids:
        account = accounts.get(account_id)
        if account is None:
            continue
        if account_id in changed:
            trips = _reread(account_id) if account_id not in cut else []
        else:
            trips = trades_of(_from_flat(fills[account_id], held.get(account_id, {}), account_id in cut))
        balance = account.initial_minor + account.realized_minor - account.fees_minor + account.other_minor
        found.append(AccountTrades(account_id, account.initial_minor, balance, tuple(trips)))
    return found


def _held(account_ids: set[int]) -> dict[int, dict[int, Decimal]]:
    found: dict[int, dict[int, Decimal]] = defaultdict(dict)
    rows = Position.objects.filter(account_id__in=account_ids).values_list("account_id", "listing_id", "quantity")
    for account_id, listing_id, quantity in rows:
        found[account_id][listing_id] = quantity
    return found


def _changed(accounts: dict[int, Account]) -> set[int]:
    """Accounts whose positions something else than a fill has changed (a split)."""
    same = Q(quantity_before=F("quantity_after"), cost_before_minor=F("cost_after_minor"), realized_minor=0)
    rows = Adjustment.objects.filter(~same, account_id__in=accounts).values_list("account_id", flat=True).distinct()
    return set(rows)


def _reread(account_id: int) -> list[RoundTrip]:
    """The trades of an account from its whole books, which `closed_trades` asks for where fills do not tell them."""
    found = trading_selectors.round_trips(account_id, "closed")
    found.reverse()
    return found


def _from_flat(fills: list[TradeFill], held: dict[int, Decimal], is_cut: bool) -> list[TradeFill]:
    """Of an account whose older fills were left out: for each listing, the fills after it was flat first."""
    if not is_cut:
        return fills
    running: dict[int, Decimal] = dict(held)
    for fill in fills:
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        running[fill.listing_id] = running.get(fill.listing_id, Decimal(0)) - signed
    flat = {listing_id for listing_id, quantity in running.items() if not quantity}
    found = []
    for fill in fills:
        if fill.listing_id in flat:
            found.append(fill)
            continue
        running[fill.listing_id] += fill.quantity if fill.side == "buy" else -fill.quantity
        if not running[fill.listing_id]:
            flat.add(fill.listing_id)
    return found


def funded_accounts(fees: dict[int, int]) -> list[tuple[RuleSet, list[LiveAccount]]]:
    """The accounts of trading `fees` (fee paid in minor units by trading account id) as they stand, by rule set."""
    rows = AccountRules.objects.select_related("rule_set", "account", "account__mark").filter(pk__in=fees)
    sets: dict[int, RuleSet] = {}
    found: dict[int, list[LiveAccount]] = defaultdict(list)
    for row in rows.order_by("rule_set_id", "pk"):
        account = row.account
        sets.setdefault(row.rule_set_id, RuleSet.from_json(row.rule_set.document))
        balance = account.initial_minor + account.realized_minor - account.fees_minor + account.other_minor
        mark = getattr(account, "mark", None)
        found[row.rule_set_id].append(
            LiveAccount(
                account_id=row.pk,
                state=RuleState.from_json(row.state),
                balance_minor=balance,
                equity_minor=balance if mark is None else mark.equity_minor,
                fee_paid_minor=fees[row.pk],
            )
        )
    return [(sets[rule_set_id], accounts) for rule_set_id, accounts in found.items()]
