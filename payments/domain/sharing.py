"""How the price of something is spread over the books, and taken back in proportion. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from payments.domain import chart
from payments.domain.amounts import shared, tax_of

Shares = Sequence[Sequence[object]]  # [account, kind, weight], as stored with a payment
Parts = dict[str, int]


def parts_of(shares: Shares, *, total: int, tax: int, country: str, amount: int) -> Parts:
    """Where `amount` of a total goes: its tax, and the shares of the rest. The parts add up to it.

    Of the whole total these are the shares themselves; what lies between two amounts is the difference of their parts,
    so that several refunds together take exactly what one would.
    """
    taxed = tax_of(tax, total, amount)
    net = shared(amount - taxed, [int(str(weight)) for *_, weight in shares])
    found: Parts = {}
    for (account, *_), minor in zip(shares, net, strict=True):
        found[str(account)] = found.get(str(account), 0) + minor
    if tax:
        found[chart.tax(country)] = found.get(chart.tax(country), 0) + taxed
    return found


def parts_between(shares: Shares, *, total: int, tax: int, country: str, before: int, after: int) -> Parts:
    """What the amounts from `before` to `after` are made of; negative when it shrinks."""
    first = parts_of(shares, total=total, tax=tax, country=country, amount=before)
    second = parts_of(shares, total=total, tax=tax, country=country, amount=after)
    return {account: minor - first[account] for account, minor in second.items() if minor != first[account]}
