"""What is bought: higher apps say what their things cost and what happens when they are paid for. Pure.

`register_purchase_kind` is called from AppConfig.ready(). Every method runs inside the transaction that holds the
payment's row, so what it writes happens with the payment's step or not at all; none may call the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Share:
    """Where a part of the net price goes in the books: a ledger account of the book `real`, its kind, a weight."""

    account: str
    kind: str
    weight: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a thing costs, from our own tables. `interval` makes it a subscription ("month", "year").

    `version` names what exactly was priced, where a thing changes under its reference: a payment for another version is
    another purchase, and `hold_in_tx` is told (`Bought.version`).
    """

    title: str
    subtotal_minor: int
    currency: str
    shares: tuple[Share, ...]
    interval: str = ""
    price_code: str = ""
    takes_coupons: bool = True
    about: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Bought:
    """A payment as its purchase kind sees it. Of its money `refunded_minor` has gone back, `lost_minor` in disputes."""

    payment_id: int
    public_id: str
    user_id: int
    kind: str
    reference: str
    params: Mapping[str, Any]
    total_minor: int
    currency: str
    version: str = ""
    refunded_minor: int = 0
    lost_minor: int = 0


class PurchaseKind(Protocol):
    """A kind of thing that can be bought."""

    label: str

    def offer(self, *, user_id: int, reference: str, params: Mapping[str, Any], currency: str) -> Offer:
        """What it costs this person now. Raises DomainError when it cannot be bought (sold out, has it, unknown)."""
        ...

    def hold_in_tx(self, bought: Bought) -> None:
        """Keep a place while it is being paid for. Raises DomainError when there is none."""
        ...

    def grant_in_tx(self, bought: Bought) -> None:
        """Hand it over; called once. A DomainError means that it cannot be had any more: the money is given back."""
        ...

    def release_in_tx(self, bought: Bought) -> None:
        """The place is no longer held: the payment failed for good or expired."""
        ...

    def revoke_in_tx(self, bought: Bought, *, reason: str) -> None:
        """It was refunded whole, or the dispute is lost; called once, only after a grant."""
        ...


_kinds: dict[str, PurchaseKind] = {}
# By kind: where what was bought is used, as (address, words of a link), from its reference.
_uses: dict[str, Callable[[str], tuple[str, str]]] = {}


def register_use(kind: str, use: Callable[[str], tuple[str, str]]) -> None:
    """Say where people go once they have paid."""
    _uses[kind] = use


def use_of(kind: str, reference: str) -> tuple[str, str]:
    """Where to go with what was bought: (address, words of the link)."""
    return _uses[kind](reference) if kind in _uses else ("/billing", "See your payments")


def register_purchase_kind(kind: str, handler: PurchaseKind) -> None:
    """Let things of this kind be bought; once a kind."""
    if _kinds.get(kind, handler) is not handler:
        raise ValueError(f"two kinds of purchases are called {kind}")
    _kinds[kind] = handler


def purchase_kind(kind: str) -> PurchaseKind | None:
    """What sells this kind."""
    return _kinds.get(kind)
