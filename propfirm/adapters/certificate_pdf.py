"""A certificate of the firm as one A4 page, landscape."""

from __future__ import annotations

from core.pdf import ACCENT, BOLD, INK, SANS, SOFT, Words, certificate, money
from propfirm.domain.certificates import CertificateView


def certificate_pdf(found: CertificateView, address: str) -> bytes:
    """The bytes of the page. `address`: where anyone can look whether it is true."""
    size = f"{money(found.size_minor, found.currency)} {found.currency}"
    figure = size if found.share_minor is None else f"{money(found.share_minor, found.currency)} {found.currency}"
    prices = "simulated prices" if found.is_simulated else found.source
    lines = [
        Words(-120, SANS, 14, SOFT, "Trading Arena certifies that"),
        Words(-175, BOLD, 34, INK, found.name),
        Words(-220, SANS, 14, SOFT, found.title),
        Words(-290, BOLD, 40, ACCENT, figure),
        Words(-335, BOLD, 18, INK, f"{found.plan}, {size}"),
        Words(-372, SANS, 12, SOFT, found.standing),
        Words(92, SANS, 10, SOFT, f"{found.at:%d %B %Y}, virtual account, {prices}"),
        Words(74, SANS, 10, SOFT, f"Whether it is true today: {address}"),
        Words(56, SANS, 7, SOFT, f"Certificate {found.code}"),
    ]
    return certificate(f"{found.name} {found.title}", lines)
