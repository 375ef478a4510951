"""What is bought, as one short text: a plan's code, its add-ons, and who brought the buyer. Pure.

`two-step-100k+split-90+swing/FRIEND` is the plan with two add-ons and the affiliate's code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import Invalid

MAX_LENGTH = 80
_FORM = re.compile(r"^([a-z0-9-]{1,40})((?:\+[a-z0-9-]{1,24})*)(?:/([A-Za-z0-9]{2,20}))?$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A plan with add-ons (sorted, each once) and an affiliate's code in upper case, or ""."""

    code: str
    add_ons: tuple[str, ...]
    affiliate: str = ""

    @property
    def reference(self) -> str:
        """As one text."""
        tail = f"/{self.affiliate}" if self.affiliate else ""
        return "+".join((self.code, *self.add_ons)) + tail


def wanted_of(reference: str) -> Wanted:
    """Read a reference. Raises Invalid `purchase_invalid`."""
    found = _FORM.match(reference[: MAX_LENGTH + 1])
    if found is None:
        raise Invalid("purchase_invalid", "There is no such plan. Go back and choose again.")
    return wanted(found[1], found[2].split("+")[1:], found[3] or "")


def wanted(code: str, add_ons: Iterable[str] = (), affiliate: str = "") -> Wanted:
    """A plan with add-ons as they are chosen on a page."""
    return Wanted(code, tuple(sorted(set(add_ons))), affiliate.strip().upper())
