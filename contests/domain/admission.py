"""Who may enter a contest, and until when. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import Invalid

MOST_DOMAINS = 50
MOST_TEAM = 10
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


@dataclass(frozen=True, slots=True)
class Admission:
    """`late_entry`: while it runs, too. `email_domains`: whose verified address ends so, only; empty: everyone.

    `team_size`: how many people may trade one account together; 1: everyone for themselves.
    """

    late_entry: bool = True
    email_domains: tuple[str, ...] = ()
    team_size: int = 1

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Admission:
        """Read and check. Raises Invalid `invalid_admission`."""
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            raise _bad(unknown[0], "There is no such field of admission.")
        late = data.get("late_entry", True)
        if not isinstance(late, bool):
            raise _bad("late_entry", "late_entry is true or false.")
        found = data.get("email_domains") or []
        if not isinstance(found, list | tuple) or len(found) > MOST_DOMAINS:
            raise _bad("email_domains", f"At most {MOST_DOMAINS} domains.")
        domains = tuple(dict.fromkeys(str(item).strip().lower().removeprefix("@") for item in found))
        for domain in domains:
            if not _DOMAIN.fullmatch(domain):
                raise _bad("email_domains", f"{domain[:60]} is not a domain, such as example.com.")
        size = data.get("team_size", 1)
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_TEAM:
            raise _bad("team_size", f"team_size is 1 to {MOST_TEAM}.")
        return cls(late, domains, size)

    def to_json(self) -> dict[str, Any]:
        """What differs from letting everyone in at any time."""
        out: dict[str, Any] = {}
        if not self.late_entry:
            out["late_entry"] = False
        if self.email_domains:
            out["email_domains"] = list(self.email_domains)
        if self.team_size > 1:
            out["team_size"] = self.team_size
        return out

    def admits(self, email: str) -> bool:
        """Whether an address is of one of the domains; a domain does not stand for those below it."""
        return not self.email_domains or email.lower().rpartition("@")[2] in self.email_domains


EVERYONE = Admission()


def _bad(field: str, message: str) -> Invalid:
    return Invalid("invalid_admission", message, {"field": field})
