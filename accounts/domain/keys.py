"""API keys: their form, from where and for what they may be used. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

READ, TRADE = "read", "trade"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_NETWORKS = 20
MAX_NAME = 60
MAX_LIVE_KEYS = 20
MIN_RATE, MAX_RATE, DEFAULT_RATE = 1, 1200, 300

_KEY = re.compile(r"(ak_[0-9a-f]{8})_[A-Za-z0-9_-]{43}")
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class KeyPass:
    """What a key that was let in may do: what `request.auth` is for a request with a key."""

    id: int
    user_id: int
    scope: str
    rate: int
    networks: tuple[Network, ...]


def key_prefix(text: str) -> str | None:
    """The part of a key that is not secret; None for what is no key."""
    found = _KEY.fullmatch(text)
    return None if found is None else found[1]


def key_digest(text: str) -> str:
    """What is kept of a key."""
    return sha256(text.encode()).hexdigest()


def networks_read(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks from CIDR notation or single addresses. Raises ValueError on the first that is neither."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts)


def covers(networks: tuple[Network, ...], ip: str) -> bool:
    """Whether an address is in one of the networks; without any, every address is."""
    if not networks:
        return True
    try:
        found = ip_address(ip)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return any(found in network or (mapped is not None and mapped in network) for network in networks)


def address_clean(ip: str) -> str | None:
    """An address as it can be stored; None for what is none."""
    try:
        return str(ip_address(ip))
    except ValueError:
        return None


def key_refusal(*, scope: str, method: str, view_scope: str | None, is_open: bool) -> str:
    """Why a key of this scope may not send this method to a view; empty when it may.

    `is_open`: the view is for keys at all. `view_scope`: the scope that the view's writes ask for; None when no key may
    write there.
    """
    if not is_open:
        return "key_not_allowed"
    if method in SAFE_METHODS:
        return ""
    if view_scope is None:
        return "key_not_allowed"
    return "" if scope == view_scope else "key_scope"
