"""What a certificate says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CertificateView:
    """Where somebody came. `badge` and `place` (among people) where they won something; `is_simulated`: its prices."""

    code: str
    name: str
    contest: str
    slug: str
    is_listed: bool
    rank: int
    ranked: int
    return_pct: str
    score: str
    scoring: str
    value_minor: int
    currency: str
    trades: int
    badge: str
    place: int | None
    ended_at: datetime
    source: str
    is_simulated: bool
    final_hash: str
