"""Telling people what happened to their orders: what filled, and what ended without their doing.

Fills are far too many to be told one by one out of the outbox. They are read in slots of twenty seconds, once each slot
is over and everything in it committed; an account has at most one notification a slot. How far it came is kept in
Redis; should that be lost, the last minutes are read again, and the slot in the notification's cause keeps it single.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Min, QuerySet, Sum
from django.utils import timezone

from accounts.services.notices import Notice, notify_many_in_tx
from core.redis import client
from core.templatetags.arena import price, qty
from trading.models import Fill, OrderTransition

logger = logging.getLogger(__name__)

SLOT = 20
SETTLED = 10  # seconds after a slot within which what was written in it has committed
SLOTS_A_RUN = 30
REMEMBERED = 300
LATE = timedelta(seconds=60)
ROWS = 2_000
# Of these endings people are told: they did not ask for them, and no other notification says it.
TOLD_ENDINGS = (
    "day_over",
    "date_passed",
    "auction_over",
    "not_enough_buying_power",
    "delisted",
    "corporate_action",
    "margin_call",
    "intraday_close",
    "locked",
)


@dataclass(frozen=True, slots=True)
class Window:
    """A slot of time, and the id from which on its rows lie."""

    number: int
    low_id: int

    @property
    def start(self) -> datetime:
        """When it begins."""
        return datetime.fromtimestamp(self.number * SLOT, tz=UTC)

    @property
    def end(self) -> datetime:
        """When it is over."""
        return self.start + timedelta(seconds=SLOT)


def fills_tell(now: datetime | None = None) -> int:
    """Tell people of their fills up to now; returns how many notifications were made."""
    return _tell("fills", Fill.objects.all(), _fills, now or timezone.now())


def endings_tell(now: datetime | None = None) -> int:
    """Tell people of orders that ended without their doing; returns how many notifications were made."""
    return _tell("endings", OrderTransition.objects.all(), _endings, now or timezone.now())


def _tell(
    name: str, rows: QuerySet[Any], notices_of: Callable[[QuerySet[Any], Window], list[Notice]], now: datetime
) -> int:
    made = 0
    for window in _windows(name, rows, now):
        inside = rows.filter(pk__gt=window.low_id, created_at__gte=window.start, created_at__lt=window.end)
        notices = notices_of(inside, window)
        if notices:
            with transaction.atomic(durable=True):
                made += len(notify_many_in_tx(notices))
    return made


def _windows(name: str, rows: QuerySet[Any], now: datetime) -> Iterator[Window]:
    """The slots that are over and were not read yet, oldest first. Each is marked as read after it was."""
    last = int((now.timestamp() - SETTLED) // SLOT) - 1
    kept = client().hgetall(f"trading:told:{name}")
    done = int(kept["slot"]) if "slot" in kept else last - REMEMBERED // SLOT
    low_id = int(kept.get("low_id", 0))
    if not low_id:
        newest = rows.aggregate(newest=Max("pk"))["newest"] or 0
        low_id = max(newest - ROWS * 10, 0)
    for number in range(max(done + 1, last - 3_600 // SLOT), last + 1)[:SLOTS_A_RUN]:
        window = Window(number, low_id)
        yield window
        # Ids are drawn a little before their rows are written: keep a minute's distance.
        passed = rows.filter(pk__gt=low_id, created_at__lt=window.end - LATE).aggregate(newest=Max("pk"))["newest"]
        low_id = passed or low_id
        client().hset(f"trading:told:{name}", mapping={"slot": number, "low_id": low_id})


def _fills(rows: QuerySet[Fill], window: Window) -> list[Notice]:
    people = rows.filter(account__owner__kind="person")
    grouped = people.values(
        "account_id",
        "order_id",
        "side",
        owner=F("account__owner_id"),
        label=F("account__label"),
        symbol=F("order__symbol"),
        whole=F("order__quantity"),
        filled=F("order__filled_quantity"),
    ).annotate(taken=Sum("quantity"), paid=Sum(F("quantity") * F("price")), first=Min("pk"))
    by_account: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in grouped.order_by("first")[:ROWS]:
        by_account[row["account_id"]].append(dict(row))
    return [
        Notice(
            user_id=found[0]["owner"],
            kind="order_filled",
            dedupe=f"fills:{account_id}:{window.number}",
            params=_words_of_fills(found),
            url=f"/orders/{found[0]['order_id']}" if len(found) == 1 else f"/accounts/{account_id}",
        )
        for account_id, found in by_account.items()
    ]


def _words_of_fills(rows: list[dict[str, Any]]) -> dict[str, str]:
    account = rows[0]["label"]
    if len(rows) == 1:
        row = rows[0]
        is_whole = row["filled"] >= row["whole"]
        details = "The order is filled." if is_whole else f"{qty(row['filled'])} of {qty(row['whole'])} are filled."
        return {"what": _fill_words(row), "account": account, "details": details}
    shown = [_fill_words(row) for row in rows[:3]]
    more = f", and {len(rows) - 3} more" if len(rows) > 3 else ""
    return {"what": f"{len(rows)} orders filled", "account": account, "details": "; ".join(shown) + more + "."}


def _fill_words(row: dict[str, Any]) -> str:
    verb = "Bought" if row["side"] == "buy" else "Sold"
    average = (row["paid"] / row["taken"]).quantize(Decimal("0.0001"))
    return f"{verb} {qty(row['taken'])} {row['symbol']} at {price(average)}"


def _endings(rows: QuerySet[OrderTransition], window: Window) -> list[Notice]:
    ended = rows.filter(
        to_status__in=["canceled", "expired"],
        order__code__in=TOLD_ENDINGS,
        order__role="",  # legs end with their order
        order__account__owner__kind="person",
    )
    found = ended.order_by("pk").values(
        "order_id",
        "reason",
        account_id=F("order__account_id"),
        owner=F("order__account__owner_id"),
        label=F("order__account__label"),
        symbol=F("order__symbol"),
        side=F("order__side"),
        quantity=F("order__quantity"),
        filled=F("order__filled_quantity"),
    )
    by_account: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in found[:ROWS]:
        by_account[row["account_id"]].append(dict(row))
    return [
        Notice(
            user_id=rows_of[0]["owner"],
            kind="order_cancelled",
            dedupe=f"endings:{account_id}:{window.number}",
            params=_words_of_endings(rows_of),
            url=f"/orders/{rows_of[0]['order_id']}" if len(rows_of) == 1 else f"/accounts/{account_id}",
        )
        for account_id, rows_of in by_account.items()
    ]


def _words_of_endings(rows: list[dict[str, Any]]) -> dict[str, str]:
    account = rows[0]["label"]
    if len(rows) == 1:
        row = rows[0]
        left = qty(row["quantity"] - row["filled"])
        what = f"Your order to {row['side']} {left} {row['symbol']} has ended"
        return {"what": what, "account": account, "details": row["reason"]}
    symbols = list(dict.fromkeys(row["symbol"] for row in rows))
    more = f" and {len(symbols) - 5} more" if len(symbols) > 5 else ""
    reasons = " ".join(dict.fromkeys(row["reason"] for row in rows))
    what = f"{len(rows)} orders have ended"
    return {"what": what, "account": account, "details": f"{', '.join(symbols[:5])}{more}. {reasons}"}
