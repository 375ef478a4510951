"""The invented companies of the simulated exchange. Tickers begin with Z or X, end in Q, X or Z: none is meant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from marketdata.domain.universe import COMPANIES, SECTORS

MAX_COMPANIES = 5_000
_HEADS = ("Zal", "Xen", "Zor", "Xav", "Zim", "Xul", "Zep", "Xir", "Zun", "Xob", "Zyr", "Xed")
_MIDDLES = ("an", "or", "ev", "il", "um", "ax", "en", "ob", "ir", "ek", "ul", "om", "ad", "is", "ur", "et")
_TAILS = ("dra", "tek", "vox", "lan", "mir", "sol", "gen", "bar", "wix", "ton", "pax", "dex", "nar", "lux", "fin")
_KINDS = ("Systems", "Holdings", "Industries", "Group", "Labs", "Works", "Partners", "Networks")
_LETTERS = "ABCDEFGHIKLMNOPRSTUVW"
_ENDS = "QXZ"


@dataclass(frozen=True, slots=True)
class SimulatedCompany:
    """An invented company; `index` is its place, by which its prices are drawn."""

    index: int
    symbol: str
    name: str
    sector: str


@cache
def universe(count: int) -> tuple[SimulatedCompany, ...]:
    """The first `count` companies (at most 5,000), always the same ones in the same order."""
    if not 0 <= count <= MAX_COMPANIES:
        raise ValueError(f"the simulated exchange has up to {MAX_COMPANIES} companies")
    taken = {company.symbol for company in COMPANIES}
    found: list[SimulatedCompany] = []
    number = 0
    while len(found) < count:
        symbol = _symbol(number)
        if symbol not in taken:
            index = len(found)
            found.append(SimulatedCompany(index, symbol, _name(index), SECTORS[index % len(SECTORS)]))
        number += 1
    return tuple(found)


def _symbol(number: int) -> str:
    """Four letters each; the numbers are spread out, so that neighbours do not look alike."""
    spread = number * 4_001 % (2 * len(_LETTERS) ** 2 * len(_ENDS) * 4)
    rest, head = divmod(spread, 2)
    rest, second = divmod(rest, len(_LETTERS))
    rest, third = divmod(rest, len(_LETTERS))
    rest, end = divmod(rest, len(_ENDS))
    return f"{'ZX'[head]}{_LETTERS[second]}{_LETTERS[third]}{_ENDS[end]}" + ("" if not rest else "QXZ"[rest - 1])


def _name(index: int) -> str:
    rest, head = divmod(index, len(_HEADS))
    rest, middle = divmod(rest * 5 + index, len(_MIDDLES))
    tail = (rest + index * 7) % len(_TAILS)
    return f"{_HEADS[head]}{_MIDDLES[middle]}{_TAILS[tail]} {_KINDS[index % len(_KINDS)]}"
