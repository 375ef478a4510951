"""What stands on papers: invoices, credit notes, statements of payouts. Pure; amounts in minor units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Paper:
    """An invoice or a credit note. `document` is what was kept when it was made."""

    number: str
    kind: str
    issued_at: datetime
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A line of what is owed: positive is owed, negative has been asked for."""

    at: datetime
    kind: str
    memo: str
    reference: str
    amount_minor: int
    currency: str
