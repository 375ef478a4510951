"""A certificate as one A4 page, landscape. The same certificate gives the same bytes."""

from __future__ import annotations

from contests.domain.certificates import CertificateView
from core.pdf import ACCENT, BOLD, INK, SANS, SOFT, Words, certificate, money


def certificate_pdf(found: CertificateView, address: str) -> bytes:
    """The bytes of the page. `address`: where anyone can look whether it is true."""
    rank = f"Rank {found.rank:,} of {found.ranked:,}"
    prices = "simulated prices" if found.is_simulated else found.source
    lines = [
        Words(-120, SANS, 14, SOFT, "Trading Arena certifies that"),
        Words(-175, BOLD, 34, INK, found.name),
        Words(-220, SANS, 14, SOFT, "came in the contest"),
        Words(-262, BOLD, 24, INK, found.contest),
        Words(-330, BOLD, 40, ACCENT, rank),
        Words(-372, SANS, 14, INK, _figures(found)),
        Words(-396, SANS, 12, SOFT, found.badge or ""),
        Words(92, SANS, 10, SOFT, f"Ended {found.ended_at:%d %B %Y %H:%M} UTC, virtual money, {prices}"),
        Words(74, SANS, 10, SOFT, f"Whether it is true: {address}"),
        Words(56, SANS, 7, SOFT, f"Standings {found.final_hash}"),
    ]
    return certificate(f"{found.contest}: {found.name}", lines)


def _figures(found: CertificateView) -> str:
    parts = [f"{found.return_pct}% return", f"{money(found.value_minor, found.currency)} {found.currency}"]
    if found.score:
        parts.append(f"{found.scoring}: {found.score}")
    return ", ".join([*parts, f"{found.trades:,} trades"])
