"""Whether one stored fill could happen in the quote that is stored with it: read again from the rules, not the code."""

from decimal import ROUND_HALF_EVEN, Decimal

from marketdata.domain.types import Quote
from trading.domain.venue import Venue
from trading.models import Fill, Order

TICK = Decimal("0.01")


def _impact_bound(side: str, price: Decimal, quantity: Decimal, quote: Quote, venue: Venue) -> Decimal:
    """The price after k * (quantity / volume)^2, on the grid."""
    if not quote.volume:
        return price
    move = venue.impact_k * (quantity / quote.volume) ** 2
    moved = price * (1 + move if side == "buy" else 1 - move)
    return (moved / TICK).to_integral_value(ROUND_HALF_EVEN) * TICK


def check_taker(fill: Fill, quote: Quote, venue: Venue) -> bool:
    """Between the touch and the touch moved by the order's own impact."""
    touch = quote.ask if fill.side == "buy" else quote.bid
    drawn = Decimal(fill.quote.get("drawn", 0))
    bound = _impact_bound(fill.side, touch, fill.quantity + drawn, quote, venue)
    return min(touch, bound) <= fill.price <= max(touch, bound)


def check_maker(order: Order, fill: Fill, quote: Quote) -> bool:
    """At its own limit, which the market traded through or the quote reached; or at the better price of a gap."""
    limit = order.limit_price
    if limit is None:
        return False
    sign = 1 if fill.side == "buy" else -1
    touch = quote.ask if fill.side == "buy" else quote.bid
    if quote.is_open_print and sign * (limit - touch) > 0:
        return fill.price == touch
    reached = sign * (limit - touch) >= 0 or sign * (limit - quote.last) >= TICK
    return fill.price == limit and reached


def check_fill(order: Order, fill: Fill, venue: Venue) -> None:
    """Assert that the fill is one that its quote allows."""
    quote = Quote.from_json(fill.quote)
    what = (order.pk, order.type, order.time_in_force, order.side, order.limit_price, fill.price, fill.quote)
    assert fill.price > 0
    assert fill.quantity > 0
    assert (fill.side, fill.listing_id) == (order.side, order.listing_id), what
    assert not quote.halted, what
    assert quote.band_low is None or quote.band_low <= fill.price, what
    assert quote.band_high is None or fill.price <= quote.band_high, what
    assert quote.at == fill.market_at, what
    assert order.accepted_tick is not None
    assert quote.tick >= order.accepted_tick, what
    if order.limit_price is not None:
        better = fill.price <= order.limit_price if fill.side == "buy" else fill.price >= order.limit_price
        assert better, what
    if venue.max_volume_share and quote.volume:
        assert fill.quantity <= quote.volume * venue.max_volume_share, what
    if order.time_in_force in ("opg", "cls"):
        assert fill.price == quote.last, what
        assert quote.is_open_print if order.time_in_force == "opg" else quote.is_close_print, what
        assert quote.tick > order.accepted_tick, what
        return
    if venue.latency_ms:
        assert quote.tick > order.accepted_tick, what
    assert check_taker(fill, quote, venue) or check_maker(order, fill, quote), what
