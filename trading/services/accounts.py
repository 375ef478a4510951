"""Opening accounts and groups, and moving a group between open, paused and closed."""

from __future__ import annotations

from typing import Any

from django.db import connection

from core.errors import Invalid, NotFound
from core.models import LedgerAccount
from core.money import Money
from core.services.ledger import journal_post_in_tx, ledger_account_get_or_create_in_tx
from marketdata import selectors as market_selectors
from marketdata.models import Market
from trading.domain.fees import check_schedule
from trading.domain.margin import Terms
from trading.locks import accounts_barrier
from trading.models import Account, AccountGroup, AccountMark, EquityPoint

CASH = Terms()
_GROUP_MOVES = {
    "pending": {"open", "closed"},
    "open": {"paused", "closed"},
    "paused": {"open", "closed"},
    "closed": set[str](),
}


def group_create_in_tx(
    *,
    slug: str,
    purpose: str,
    market_id: int,
    policy: dict[str, Any],
    status: str = "pending",
    is_listed: bool = True,
) -> int:
    """Make a group of accounts judged by the policy registered for `purpose`; returns its id.

    An unlisted group's agents do not appear in public lists of accounts.
    """
    group = AccountGroup.objects.create(
        slug=slug, purpose=purpose, market_id=market_id, policy=policy, status=status, is_listed=is_listed
    )
    return group.pk


def group_barrier_in_tx(*, group_id: int) -> list[int]:
    """Lock every account of a group, in id order; returns their ids. Whoever was deciding has finished by then."""
    return accounts_barrier(group_id=group_id)


def group_set_status_in_tx(*, group_id: int, status: str) -> None:
    """Open, pause or close a group. Orders under way finish first or see the new status. Same status: no change."""
    group = AccountGroup.objects.select_for_update(no_key=True).get(pk=group_id)
    if group.status == status:
        return
    if status not in _GROUP_MOVES[group.status]:
        raise Invalid("illegal_transition", f"A {group.status} group cannot become {status}.")
    group.status = status
    group.save(update_fields=["status"])


def account_open_in_tx(
    *,
    owner_id: int,
    market_id: int,
    group_id: int | None,
    purpose: str,
    label: str,
    initial: Money,
    terms: Terms = CASH,
) -> int:
    """Open a trading account on `terms`, funded with `initial` virtual money by a journal; returns its id."""
    _check_opening(initial, terms)
    market = Market.objects.filter(pk=market_id).only("id", "tick", "tick_at").first()
    if market is None:
        raise NotFound("unknown_market", "There is no such market.")
    account_id = _next_id()
    cash = LedgerAccount.objects.create(
        book="virtual", code=f"account:{account_id}:cash", kind="cash", currency=initial.currency
    ).pk
    clearing, fees, capital = (
        ledger_account_get_or_create_in_tx(
            book="virtual", code=f"market:{market_id}:{kind}", kind=kind, currency=initial.currency
        )
        for kind in ("clearing", "fees", "capital")
    )
    Account.objects.create(
        id=account_id,
        owner_id=owner_id,
        market_id=market_id,
        group_id=group_id,
        purpose=purpose,
        label=label,
        currency=initial.currency,
        ledger_account_id=cash,
        clearing_account_id=clearing,
        fees_account_id=fees,
        initial_minor=initial.minor,
        cash_minor=initial.minor,
        is_margin=terms.is_margin,
        terms=terms.to_json(),
    )
    journal_post_in_tx(
        book="virtual",
        kind="funding",
        reference=f"fund:account:{account_id}",
        legs=[(cash, initial), (capital, -initial)],
        memo="virtual starting balance",
        market_at=market.tick_at,
    )
    return _first_mark(account_id, market, initial)


def _check_opening(initial: Money, terms: Terms) -> None:
    terms.check()
    check_schedule(terms.fees)
    if initial.minor <= 0:
        raise Invalid("invalid_amount", "An account starts with a positive balance.")


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('trading_account', 'id'))")
        account_id: int = cursor.fetchone()[0]
    return account_id


def _first_mark(account_id: int, market: Market, initial: Money) -> int:
    """The curve's first point, before the first print at the time of the first open; returns the account's id."""
    at = market.tick_at or market_selectors.market_clock(market.pk).at
    mark = {"equity_minor": initial.minor, "cash_minor": initial.minor, "tick": market.tick, "market_at": at}
    AccountMark.objects.create(account_id=account_id, **mark)
    EquityPoint.objects.create(account_id=account_id, **mark)
    return account_id
