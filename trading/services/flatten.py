"""Closing positions: one of them, whole or in part, or all that an account has. Always by reduce-only orders."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from core.errors import Denied, DomainError, Forbidden, Invalid, NotFound
from core.models import IdempotencyRecord
from core.services import audit
from trading.domain import states
from trading.domain.types import SYSTEM, Actor, OrderRequest, OrderView, Side, TimeInForce, plain
from trading.models import Order, Position
from trading.services.changes import order_end
from trading.services.orders import order_place, owned


@dataclass(frozen=True, slots=True)
class Left:
    """A position that could not be closed: how much is left, and why (a code and words)."""

    symbol: str
    quantity: str
    code: str
    message: str


@dataclass(slots=True)
class FlattenReport:
    """What flattening an account did: orders cancelled, orders placed (by id), and what is left of its positions."""

    account_id: int
    canceled: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def is_flat(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"is_flat": self.is_flat}


def open_positions(account_id: int) -> list[tuple[str, Decimal]]:
    """(symbol, signed quantity) of an account's open positions, by symbol."""
    rows = Position.objects.filter(account_id=account_id).exclude(quantity=0).order_by("listing__symbol")
    return list(rows.values_list("listing__symbol", "quantity"))


def position_close(
    *,
    actor: Actor,
    account_id: int,
    symbol: str,
    quantity: Decimal | None = None,
    idempotency_key: str | None = None,
    source: str = "api",
    time_in_force: TimeInForce = "day",
) -> OrderView:
    """Close a position, or `quantity` of it, by a reduce-only market order. Shares promised to resting sells stay.

    Raises NotFound for an account that is not the actor's, and Denied ("nothing_to_reduce") without a position; the
    order itself may be denied like any other. With an idempotency key, the same key answers the same again.
    """
    owned(actor, account_id)
    held = _replayed(account_id, symbol, idempotency_key) or dict(open_positions(account_id)).get(symbol)
    if held is None:
        raise Denied("nothing_to_reduce", f"There is no position in {symbol} to close.", {"symbol": symbol})
    side: Side = "sell" if held > 0 else "buy"
    request = OrderRequest(
        symbol=symbol,
        side=side,
        quantity=abs(held) if quantity is None else quantity,
        reduce_only=True,
        source=source,
        time_in_force=time_in_force,
    )
    return order_place(actor=actor, account_id=account_id, request=request, idempotency_key=idempotency_key)


def _replayed(account_id: int, symbol: str, key: str | None) -> Decimal | None:
    """The signed quantity that a request with this key closed before, so that it answers the same again."""
    if key is None:
        return None
    record = IdempotencyRecord.objects.filter(scope=f"order:{account_id}", key=key).first()
    if record is None or record.response.get("symbol") != symbol:
        return None
    asked = Decimal(record.response["quantity"])
    return asked if record.response["side"] == "sell" else -asked


def cancel_all(*, actor: Actor, account_id: int, code: str) -> list[int]:
    """Cancel every live order of an account, legs included, in id order; the ids of those that it ended."""
    rows = Order.objects.filter(account_id=account_id, status__in=states.LIVE).order_by("id")
    return [
        order_id
        for order_id in list(rows.values_list("id", flat=True))
        if order_end(account_id=account_id, order_id=order_id, status=states.CANCELED, code=code, actor=actor)
    ]


def account_flatten(
    *,
    actor: Actor,
    account_id: int,
    code: str = "flattened",
    source: str = "flatten",
    time_in_force: TimeInForce = "ioc",
) -> FlattenReport:
    """Cancel every order of an account and close every position at the market; returns what was done and what is left.

    The system may flatten a locked account. A symbol that is halted, without a price or in a market that does not run
    is left and reported, as is what the volume of the moment could not take. Calling again goes on with what is left.
    """
    owned(actor, account_id)
    report = FlattenReport(account_id, canceled=cancel_all(actor=actor, account_id=account_id, code=code))
    for symbol, held in open_positions(account_id):
        try:
            view = position_close(
                actor=actor, account_id=account_id, symbol=symbol, source=source, time_in_force=time_in_force
            )
        except DomainError as error:
            if not isinstance(error, NotFound):
                report.left.append(Left(symbol, plain(held), error.code, error.message))
            continue
        if view.status != states.DENIED:
            report.closed.append(view.id)
        _note_rest(report, view, symbol, held)
    return report


def account_flatten_operated(*, actor: Actor, account_id: int, reason: str) -> FlattenReport:
    """Flatten anyone's account at an operator's word, locked or not; audited with what was done.

    Raises Forbidden for others, Invalid ("reason_needed") and NotFound.
    """
    if not (actor.is_staff or actor.user_id is None):
        raise Forbidden("operators_only", "Only an operator may do this.")
    if not reason.strip():
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    report = account_flatten(actor=SYSTEM, account_id=account_id)
    audit.record(
        actor=actor,
        action="account_flattened",
        subject_type="account",
        subject_id=account_id,
        after=report.to_json(),
        reason=reason,
    )
    return report


def _note_rest(report: FlattenReport, view: OrderView, symbol: str, held: Decimal) -> None:
    if view.status == states.DENIED:
        report.left.append(Left(symbol, plain(held), view.code, view.message))
        return
    now = dict(open_positions(report.account_id)).get(symbol)
    if now is not None:
        words = "The order rests." if view.status in states.OPEN else "The market could not take all of it at once."
        report.left.append(Left(symbol, plain(now), view.code or "not_filled", view.message or words))
