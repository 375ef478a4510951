"""What must hold of every account after every step, computed anew from orders, steps, fills and adjustments."""

from collections import defaultdict
from decimal import Decimal

from core.services.books import verify
from marketdata.domain.types import Quote
from marketdata.models import Market
from trading.domain import states
from trading.domain.snapshot import venue_of
from trading.models import Account, Adjustment, Fill, Order, OrderTransition, Position
from trading.tests.machine.evidence import check_fill

ZERO = Decimal(0)


def check_books() -> None:
    """`verify_books` finds nothing."""
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


def check_account(account_id: int, seen: int = 0) -> int:
    """Cash, reservations and positions of one account follow from what is stored about its orders.

    Fills after the fill `seen` are held against their quotes; returns the last fill, which the next call takes.
    """
    account = Account.objects.get(pk=account_id)
    orders = list(Order.objects.filter(account_id=account_id).order_by("id"))
    fills = list(Fill.objects.filter(account_id=account_id).order_by("id"))
    positions = list(Position.objects.filter(account_id=account_id))
    adjustments = list(Adjustment.objects.filter(account_id=account_id).order_by("id"))
    _check_cash(account, positions, fills, adjustments)
    _check_reservations(account, orders, positions)
    _check_positions(positions, fills, adjustments)
    _check_orders(orders, fills)
    _check_reductions(account, orders, fills, adjustments)
    _check_links(orders)
    _check_evidence(account, orders, [fill for fill in fills if fill.pk > seen])
    return max((fill.pk for fill in fills), default=seen)


def _check_cash(account: Account, positions: list[Position], fills: list[Fill], adjustments: list[Adjustment]) -> None:
    cash = account.initial_minor + sum(item.cash_minor for item in adjustments)
    for fill in fills:
        cash += (1 if fill.side == "sell" else -1) * fill.notional_minor - fill.fee_minor
        assert fill.fee_minor == sum(fill.charges.values())
    assert account.cash_minor == cash
    held = sum(item.cost_minor for item in positions)
    made = account.initial_minor + account.realized_minor - held - account.fees_minor + account.other_minor
    assert account.cash_minor == made
    assert account.fees_minor == sum(fill.fee_minor for fill in fills)
    assert account.fills_count == len(fills)
    if not account.is_margin:
        assert account.cash_minor >= account.reserved_minor >= 0
        assert all(item.quantity >= 0 for item in positions)
    if not account.terms.get("short"):
        assert all(item.quantity >= 0 for item in positions), "short without leave"


def _check_reservations(account: Account, orders: list[Order], positions: list[Position]) -> None:
    live = [order for order in orders if order.status in states.LIVE]
    assert account.reserved_minor == sum(order.reserved_minor for order in live)
    assert account.open_orders_count == len(live)
    promised: dict[int | None, Decimal] = defaultdict(Decimal)
    for order in live:
        assert order.reserved_minor >= 0
        promised[order.listing_id] += order.reserved_quantity
    for position in positions:
        assert position.reserved_quantity == promised.pop(position.listing_id, ZERO)
        assert position.reserved_quantity <= max(position.quantity, ZERO)
    assert not any(promised.values())
    for order in orders:
        if order.status not in states.LIVE:
            assert (order.reserved_minor, order.reserved_quantity) == (0, 0), order.pk
        assert bool(order.wake) == (order.status in states.OPEN), (order.pk, order.status, order.wake)


def _check_positions(positions: list[Position], fills: list[Fill], adjustments: list[Adjustment]) -> None:
    held: dict[int | None, Decimal] = defaultdict(Decimal)
    for fill in fills:
        held[fill.listing_id] += fill.quantity if fill.side == "buy" else -fill.quantity
    for item in adjustments:
        held[item.listing_id] += item.quantity_after - item.quantity_before
    assert {item.listing_id: item.quantity for item in positions if item.quantity} == {
        key: value for key, value in held.items() if value
    }
    for position in positions:
        assert position.quantity * position.cost_minor >= 0, (position.quantity, position.cost_minor)
        assert position.quantity or not position.cost_minor


def _check_orders(orders: list[Order], fills: list[Fill]) -> None:
    done: dict[int, Decimal] = defaultdict(Decimal)
    paid: dict[int, int] = defaultdict(int)
    ticks: dict[int, list[int]] = defaultdict(list)
    for fill in fills:
        done[fill.order_id] += fill.quantity
        paid[fill.order_id] += fill.fee_minor
        ticks[fill.order_id].append(fill.quote["tick"])
    trails: dict[int, list[OrderTransition]] = defaultdict(list)
    for step in OrderTransition.objects.filter(order__in=[order.pk for order in orders]).order_by("id"):
        trails[step.order_id].append(step)
    for order in orders:
        before = states.INITIALIZED
        for step in trails[order.pk]:
            assert step.from_status == before, (order.pk, step)
            states.check(step.from_status, step.to_status)
            before = step.to_status
        assert before == order.status, (order.pk, before, order.status)
        assert order.fees_minor == paid[order.pk]
        assert 0 <= order.filled_quantity <= order.quantity
        assert (order.status == states.FILLED) == (order.filled_quantity == order.quantity > 0), order.pk
        # One quote fills one order once.
        assert len(set(ticks[order.pk])) == len(ticks[order.pk]), (order.pk, ticks[order.pk])
        if order.status in (states.DENIED, states.HELD):
            assert not done[order.pk]
        if order.time_in_force in ("ioc", "fok") and order.status in states.OPEN:
            assert order.live_at is not None, f"order {order.pk} rests although it is {order.time_in_force}"
        if order.time_in_force == "fok" and not order.reduce_only:
            assert done[order.pk] in (0, order.quantity), order.pk


def _check_reductions(account: Account, orders: list[Order], fills: list[Fill], adjustments: list[Adjustment]) -> None:
    """What only reduces never opens, enlarges or turns a position."""
    if any(item.kind == "split" for item in adjustments):
        return
    by_id = {order.pk: order for order in orders}
    held: dict[int, Decimal] = defaultdict(Decimal)
    for fill in fills:
        change = fill.quantity if fill.side == "buy" else -fill.quantity
        if by_id[fill.order_id].reduce_only:
            before = held[fill.listing_id]
            assert before * change < 0, (fill.order_id, before, change)
            assert abs(change) <= abs(before), (fill.order_id, before, change)
        held[fill.listing_id] += change


def _check_links(orders: list[Order]) -> None:
    """The legs of an entry close no more than it (and what replaced it) opened; those of a pair no more than asked."""
    first = {order.pk: order for order in orders}
    families: dict[int, list[Order]] = defaultdict(list)
    for order in orders:
        root = order
        while root.link_id not in (None, root.pk) or root.replaces_id:
            root = first[root.replaces_id or root.link_id]
        families[root.pk].append(order)
    for root, members in families.items():
        legs = [order for order in members if order.role]
        entries = [order for order in members if not order.role]
        if legs and entries and not any(order.status in states.LIVE for order in entries):
            assert not [order for order in legs if order.status == states.HELD], f"legs of {root} wait for ever"
        if any(order.replaces_id for order in legs):
            continue  # a person may give a leg another quantity
        if legs and entries:
            closed = sum(order.filled_quantity for order in legs)
            opened = sum(order.filled_quantity for order in entries)
            assert closed <= opened, (root, closed, opened)
        left = [order.quantity - order.filled_quantity for order in legs if order.status in states.OPEN]
        assert len(set(left)) <= 1, (root, left)


def _check_evidence(account: Account, orders: list[Order], fills: list[Fill]) -> None:
    by_id = {order.pk: order for order in orders}
    venue = venue_of(Market.objects.get(pk=account.market_id).venue)
    for fill in fills:
        check_fill(by_id[fill.order_id], fill, venue)


def check_sizes(market_id: int) -> None:
    """All fills of one quote together take no more than its size, where the market carries sizes."""
    venue = venue_of(Market.objects.get(pk=market_id).venue)
    if not venue.sizes:
        return
    taken: dict[tuple[int, int, str], Decimal] = defaultdict(Decimal)
    sizes: dict[tuple[int, int, str], Decimal | None] = {}
    for fill in Fill.objects.filter(listing__market_id=market_id):
        quote = Quote.from_json(fill.quote)
        key = (fill.listing_id, quote.tick, fill.side)
        taken[key] += fill.quantity
        sizes[key] = quote.ask_size if fill.side == "buy" else quote.bid_size
    for key, total in taken.items():
        most = sizes[key]
        assert most is None or total <= most, (key, total, most)
