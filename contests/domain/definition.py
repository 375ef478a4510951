"""What decides the result of a contest: read from JSON, checked, and hashed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contests.domain.admission import EVERYONE, Admission
from contests.domain.constraints import Constraints
from contests.domain.scoring import VALUE, WORDS
from contests.domain.sharing import CLOSED_BOOKS, Sharing
from contests.domain.stakes import Stakes
from core.errors import Invalid
from core.money import Money

MAX_LENGTH = timedelta(days=90)
MAX_CAPACITY = 100_000
MAX_BALANCE_MINOR = 10**14
MOST_SPONSORS = 10
RESERVED = frozenset({"new", "preview"})
_URL = re.compile(r"https://[a-z0-9.-]+\.[a-z]{2,63}(?:[/?#][^\s\"'<>]*)?")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$")


@dataclass(frozen=True, slots=True)
class ContestSpec:
    """An operator's order for a contest: its market (a slice of history, or a live one), capital, window and rules."""

    slug: str
    name: str
    market: Mapping[str, Any]
    initial_balance: Money
    agent_interval_minutes: int
    description: str = ""
    visibility: str = "public"
    invite_code: str = ""
    capacity: int = 1000
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    allowed_symbols: tuple[str, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    agents: tuple[str, ...] = ()
    is_featured: bool = False
    auto_renew: bool = False
    run_number: int = 1
    stakes: Stakes = field(default_factory=Stakes)
    admission: Admission = EVERYONE
    scoring: str = VALUE
    sharing: Sharing = CLOSED_BOOKS
    sponsors: tuple[Mapping[str, str], ...] = ()

    def checked(self) -> ContestSpec:
        """This spec when it makes sense. Raises Invalid with the field that does not."""
        rules: list[tuple[bool, str, str]] = [
            (bool(_SLUG.match(self.slug)), "slug", "Use lower-case letters, digits and dashes, at most 60."),
            (self.slug not in RESERVED, "slug", "This address is used by a page of ours."),
            (0 < len(self.name.strip()) <= 120, "name", "Give it a name of at most 120 characters."),
            (bool(_CURRENCY.match(self.initial_balance.currency)), "currency", "Use a three-letter currency code."),
            (
                0 < self.initial_balance.minor <= MAX_BALANCE_MINOR,
                "initial_balance",
                "The starting balance is out of range.",
            ),
            (1 <= self.capacity <= MAX_CAPACITY, "capacity", f"Capacity must be 1 to {MAX_CAPACITY:,}."),
            (1 <= self.agent_interval_minutes <= 525_600, "agent_interval_minutes", "The interval is out of range."),
            (self.visibility in ("public", "private"), "visibility", "A contest is public or private."),
            (len(self.agents) <= self.capacity, "agents", "There are more agents than places."),
            (self.scoring in WORDS, "scoring", f"scoring is one of {', '.join(WORDS)}."),
            (len(set(self.agents)) == len(self.agents), "agents", "An agent is named twice."),
        ]
        for holds, name, message in rules:
            if not holds:
                raise Invalid("invalid_contest", message, {"field": name})
        window_check(self.starts_at, self.ends_at, is_replay=self.is_replay)
        self.stakes.checked()
        sponsors_check(self.sponsors)
        return self

    @property
    def is_replay(self) -> bool:
        """Whether its market plays history, which ends by itself; a live one needs an end."""
        return bool(self.market.get("kind", "replay") == "replay")

    def definition(self) -> dict[str, Any]:
        """Everything that decides the result, as canonical JSON data."""
        at_stake = {"stakes": self.stakes.to_json()} if self.stakes else {}
        admitted = {"admission": found} if (found := self.admission.to_json()) else {}
        scored = {} if self.scoring == VALUE else {"scoring": self.scoring}
        return (
            at_stake
            | admitted
            | scored
            | {
                "market": dict(self.market),
                "currency": self.initial_balance.currency,
                "initial_balance_minor": self.initial_balance.minor,
                "allowed_symbols": sorted(self.allowed_symbols),
                "constraints": self.constraints.as_json(),
                "agents": list(self.agents),
                "agent_interval_minutes": self.agent_interval_minutes,
            }
        )


def window_check(starts_at: datetime | None, ends_at: datetime | None, *, is_replay: bool) -> None:
    """Raise Invalid unless a contest ends after it starts, within 90 days; only a replay ends by itself."""
    if ends_at is None:
        if not is_replay:
            raise Invalid("invalid_contest", "A contest on a live market needs an end.", {"field": "ends_at"})
        return
    if starts_at is None or ends_at <= starts_at:
        raise Invalid("invalid_contest", "A contest must end after it starts.", {"field": "ends_at"})
    if ends_at - starts_at > MAX_LENGTH:
        raise Invalid("invalid_contest", "A contest lasts at most 90 days.", {"field": "ends_at"})


def sponsors_check(sponsors: Sequence[Mapping[str, str]]) -> None:
    """Raise Invalid unless each sponsor has a name, and an https address or none."""
    if len(sponsors) > MOST_SPONSORS:
        raise Invalid("invalid_contest", f"At most {MOST_SPONSORS} sponsors.", {"field": "sponsors"})
    for sponsor in sponsors:
        name, url = sponsor.get("name", ""), sponsor.get("url", "")
        if set(sponsor) - {"name", "url"} or not 0 < len(name.strip()) <= 80:
            message = "A sponsor has a name of at most 80 characters, and an address if there is one."
            raise Invalid("invalid_contest", message, {"field": "sponsors"})
        if url and not (_URL.fullmatch(url) and len(url) <= 200):
            raise Invalid("invalid_contest", "A sponsor's address begins with https://.", {"field": "sponsors"})


def definition_hash(definition: Mapping[str, Any]) -> str:
    """sha256 of the definition's canonical JSON."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
