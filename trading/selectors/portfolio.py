"""Where an account stands at the quotes in force."""

from __future__ import annotations

from typing import Any

from trading.domain.margin import Exposure, margin_of
from trading.domain.snapshot import terms_of
from trading.domain.views import PortfolioView
from trading.models import Account, AccountMark
from trading.selectors.marks import marks_at

_COLUMNS = (
    *("market_id", "currency", "terms", "initial_minor", "cash_minor", "reserved_minor", "realized_minor"),
    *("fees_minor", "other_minor", "open_orders_count"),
    *("positions__listing_id", "positions__quantity", "positions__cost_minor"),
)


def portfolio(account_id: int) -> PortfolioView:
    """The account at the quotes in force. Cash and positions come from one statement, so that no fill is seen half."""
    rows: list[dict[str, Any]] = list(
        Account.objects.filter(pk=account_id).order_by("positions__listing_id").values(*_COLUMNS)
    )
    account = rows[0]
    marks = marks_at(account["market_id"], account["currency"])
    held = [row for row in rows if row["positions__quantity"]]
    exposures = []
    for row in held:
        ident, quantity = row["positions__listing_id"], row["positions__quantity"]
        exposures.append(Exposure(ident, quantity, marks.value_minor(ident, quantity, row["positions__cost_minor"])))
    terms = terms_of(account["terms"])
    margin = margin_of(account["cash_minor"], exposures, terms)
    free = account["cash_minor"] - account["reserved_minor"]
    if terms.is_margin:
        free = int((margin.excess_minor - account["reserved_minor"]) * terms.leverage)
    values = [item.value_minor for item in exposures]
    return PortfolioView(
        account_id=account_id,
        currency=account["currency"],
        at=marks.clock.at,
        initial_minor=account["initial_minor"],
        cash_minor=account["cash_minor"],
        reserved_minor=account["reserved_minor"],
        buying_power_minor=free,
        long_minor=sum(value for value in values if value > 0),
        short_minor=sum(value for value in values if value < 0),
        realized_minor=account["realized_minor"],
        unrealized_minor=sum(values) - sum(row["positions__cost_minor"] for row in held),
        fees_minor=account["fees_minor"],
        other_minor=account["other_minor"],
        day_open_minor=_day_open(account_id, marks.clock.day_index),
        open_positions=len(held),
        open_orders=account["open_orders_count"],
        terms=terms,
        margin=margin if terms.is_margin else None,
    )


def _day_open(account_id: int, day_index: int) -> int | None:
    """The equity that the session in force began with; None before the account's first mark."""
    mark = AccountMark.objects.filter(account_id=account_id).first()
    if mark is None:
        return None
    # The first mark of a session is made by its first tick; until then the last one is what it begins with.
    return mark.day_equity_minor if mark.day_index == day_index else mark.equity_minor
