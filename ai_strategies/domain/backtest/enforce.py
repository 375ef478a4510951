"""What a market does to an account beside its orders: forced reductions, intraday accounts flat at the close. Pure.

The steps of trading.services.enforcement, on a book in memory.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from ai_strategies.domain.backtest.book import PaperBook
from trading.domain import states
from trading.domain.case import exposures
from trading.domain.margin import Exposure, reduction_minor
from trading.domain.positions import ZERO
from trading.domain.types import SYSTEM, OrderRequest, TimeInForce

_ROUNDS = 4


def intraday_flatten(book: PaperBook, *, is_close: bool) -> None:
    """At a session's last print an intraday account cancels its orders and closes its positions."""
    if not is_close or book.setup.terms.product != "intraday":
        return
    for key in sorted(book.orders):
        if key in book.orders:
            book.end(book.orders[key], states.CANCELED, "intraday_close")
    for key, held in sorted(book.held(), key=lambda item: book.instruments[item[0]].symbol):
        _reduce_by(book, key, held.quantity, abs(held.quantity), source="intraday", time_in_force="gtc")


def margin_enforce(book: PaperBook, *, is_close: bool) -> None:
    """Call the account below maintenance, end a call that was met, and reduce it by force where that is due."""
    if not book.setup.terms.is_margin or not (book.held() or book.called_tick is not None):
        return
    found = book.standing()
    if found is None:
        return
    if book.called_tick is not None and book.called_orders and not found[1].is_covered:
        _reduce(book)  # what was begun is brought to its end
        return
    if not found[1].is_called or not found[1].exposure_minor:
        book.called_tick, book.called_orders = None, 0
        return
    if book.called_tick is None:
        book.called_tick = book.moment.tick
        book.endings["margin_call_made"] += 1
    if found[1].is_closed_out or (is_close and book.called_tick < book.moment.tick):
        _reduce(book)


def _reduce(book: PaperBook) -> None:
    """Close the largest positions until equity covers the initial margin of the rest."""
    for key in sorted(book.orders):
        order = book.orders.get(key)
        if order is not None and not order.reduce_only:
            book.end(order, states.CANCELED, "margin_call")
    stuck: set[int] = set()
    for _ in range(_ROUNDS * max(len(book.quotes), 1)):
        found = book.standing()
        if found is None or not (missing := reduction_minor(found[1], found[0].terms)):
            break
        candidates = [item for item in exposures(found[0], book.carried() or {}) if item.listing_id not in stuck]
        if not candidates:
            break
        largest = max(candidates, key=lambda item: (abs(item.value_minor), -item.listing_id))
        asked, done = _close(book, largest, missing)
        book.called_orders += done > 0
        if done < asked or not asked:
            stuck.add(largest.listing_id)
    found = book.standing()
    if found is not None and found[1].is_covered:
        book.called_tick, book.called_orders = None, 0


def _close(book: PaperBook, position: Exposure, missing: int) -> tuple[Decimal, Decimal]:
    """Close what is missing of a position, in whole lots: the quantity asked for, and what of it filled."""
    if position.listing_id not in book.quotes or not position.value_minor:
        return ZERO, ZERO
    held, lot = abs(position.quantity), book.instruments[position.listing_id].lot_size
    lots = (held * missing / abs(position.value_minor) / lot).to_integral_value(ROUND_CEILING)
    quantity = min(lots * lot, held)
    done = _reduce_by(book, position.listing_id, position.quantity, quantity, source="margin", time_in_force="ioc")
    return quantity, done


def _reduce_by(
    book: PaperBook, listing_id: int, held: Decimal, quantity: Decimal, *, source: str, time_in_force: TimeInForce
) -> Decimal:
    """Send the system's reduce-only order; what of it filled."""
    request = OrderRequest(
        symbol=book.instruments[listing_id].symbol,
        side="sell" if held > 0 else "buy",
        quantity=quantity,
        time_in_force=time_in_force,
        source=source,
        reduce_only=True,
    )
    decided = book.place(request, SYSTEM)
    return ZERO if decided is None else Decimal(decided.view.filled_quantity)
