"""Orders that filled, written as rows: a crowd's trading at wall times of one's choosing, in a second."""

from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import count

from accounts.models import User
from contests.models import Finding, Participant
from contests.selectors import ContestView
from contests.tests.factories import joined
from marketdata import selectors as market_selectors
from trading.models import Account, Fill, Order

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
_ids = count(10_000_000)


def crowd_join(view: ContestView, number: int) -> list[int]:
    """So many people in a contest, one who joined and copies of the rows that this made; their accounts, ascending."""
    first, who = joined(view)
    own = Account.objects.select_related("ledger_account").get(pk=first)
    user, place = User.objects.get(pk=who.user_id), Participant.objects.get(account_id=first)

    def copies(row, **fields):
        made = []
        for turn in range(number - 1):
            one = copy(row)
            one._state = copy(row._state)
            one._state.adding, one._state.fields_cache = True, {}
            one.pk = None
            for name, value in fields.items():
                setattr(one, name, value(turn))
            made.append(one)
        return type(row).objects.bulk_create(made)

    users = copies(user, email=lambda turn: f"crowd{turn}@example.com", handle=lambda turn: None)
    books = copies(own.ledger_account, code=lambda turn: f"{own.ledger_account.code}-{turn}")
    accounts = copies(own, owner_id=lambda turn: users[turn].pk, ledger_account_id=lambda turn: books[turn].pk)
    copies(place, user_id=lambda turn: users[turn].pk, account_id=lambda turn: accounts[turn].pk)
    return sorted([first, *(row.pk for row in accounts)])


def orders_write(view: ContestView, rows, *, source="web", role="", quote_at=lambda _: (0, "100")):
    """`rows`: (account id, symbol number, side 1 or -1, seconds since the start). `quote_at`: tick and last price."""
    listings = market_selectors.listings(view.market_id)
    orders, fills = [], []
    for account_id, symbol, side, seconds in rows:
        ident, listing = next(_ids), listings[int(symbol) % len(listings)]
        at, word = START + timedelta(seconds=float(seconds)), "buy" if side > 0 else "sell"
        common = {"account_id": int(account_id), "listing_id": listing.id, "side": word, "quantity": 1}
        tick, last = quote_at(float(seconds))
        orders.append(
            Order(
                id=ident,
                symbol=listing.symbol,
                type="market",
                time_in_force="day",
                filled_quantity=1,
                average_price=100,
                status="filled",
                source=source,
                role=role,
                accepted_tick=tick,
                created_at=at,
                **common,
            )
        )
        quote = {"tick": tick, "last": last, "volume": 1_000_000}
        fills.append(
            Fill(
                id=ident,
                order_id=ident,
                price=100,
                notional_minor=10_000,
                fee_minor=0,
                realized_minor=0,
                cash_after_minor=0,
                quote=quote,
                market_at=at,
                created_at=at,
                **common,
            )
        )
    Order.objects.bulk_create(orders)
    Fill.objects.bulk_create(fills)


def steady(account_id, number=12, *, every=400, shift=0.0, flip=False):
    """An account's trades, one each few minutes, in two symbols by turns."""
    return [
        (account_id, turn % 2, (1 if turn % 3 else -1) * (-1 if flip else 1), turn * every + shift)
        for turn in range(number)
    ]


def finding(view, account_id, other_id=None, **fields):
    """A finding about one or two accounts of a contest."""
    places = {row.account_id: row for row in Participant.objects.filter(contest_id=view.id)}
    evidence = {"together": 9, "moments": [10, 12], "expected": 0.4, "share_pct": 90.0, "decades": 9.0, "first_led": 0,
                "second_led": 9, "median_seconds": 1.5, "accounts": [account_id, other_id or 0],
                "matches": [{"listing": 1, "symbol": "AAA", "side": "buy", "at_us": 1_700_000_000_000_000,
                             "seconds": 1.5, "orders": [1, 2]}]}  # fmt: skip
    values = {"kind": "mirrored", "score": 90, "evidence": evidence, **fields}
    return Finding.objects.create(
        contest_id=view.id, participant=places[account_id], other=places.get(other_id), **values
    )
