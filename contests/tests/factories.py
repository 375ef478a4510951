"""Small contests on deterministic markets, for tests here and on the floor above."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec
from contests.selectors import ContestView
from contests.services.contests import contest_create, contest_start
from contests.services.joins import contest_join
from core.models import OutboxEvent
from core.money import Money
from core.services.outbox import drain
from marketdata.models import Instrument
from marketdata.tests.factories import DEFAULT_BARS, MONDAY, InstrumentFactory, bars_create, weekdays
from trading.domain.types import Actor
from trading.tests.factories import actor as actor_of
from trading.tests.factories import user

_numbers = count(1)
OPERATOR = Actor(user_id=None, is_staff=True, label="test")


def bars_load(bars: dict[str, Any] | None = None) -> dict[str, Any]:
    """Load bars for symbols that have none; the definition of a replay over them all."""
    bars = bars or DEFAULT_BARS
    for symbol, rows in bars.items():
        if not Instrument.objects.filter(symbol=symbol).exists():
            bars_create(InstrumentFactory(symbol=symbol), rows)
    days = weekdays(MONDAY, max(len(rows) for rows in bars.values()))
    return {"start": days[0].isoformat(), "end": days[-1].isoformat(), "symbols": list(bars), "warmup_days": 0}


def spec(bars: dict[str, Any] | None = None, *, market: dict[str, Any] | None = None, **fields: Any) -> ContestSpec:
    """A spec over the test bars; keywords override its fields, `market` those of its replay."""
    definition = {**bars_load(bars), **(market or {})}
    limits = Constraints.from_json(fields.pop("constraints", {}))
    values: dict[str, Any] = {"slug": f"contest-{next(_numbers)}", "name": "Test contest", "market": definition}
    values |= {"initial_balance": Money.of("100000", "USD"), "agent_interval_minutes": 10, "constraints": limits}
    return ContestSpec(**{**values, **fields})


def contest(*, started: bool = True, schedule: bool = True, **fields: Any) -> ContestView:
    """A scheduled contest, started unless told otherwise."""
    view = contest_create(actor=OPERATOR, spec=spec(**fields), schedule=schedule)
    return contest_start(actor=OPERATOR, contest_id=view.id) if started else view


def joined(view: ContestView, **fields: Any) -> tuple[int, Actor]:
    """A new person in the contest: the account and its owner."""
    who = actor_of(user(**fields))
    return contest_join(actor=who, contest_id=view.id, invite_code="secret"), who


def deliver() -> None:
    """Deliver the outbox now. Inside a test's one transaction its events are always 'later' than now()."""
    OutboxEvent.objects.update(next_at=datetime(2000, 1, 1, tzinfo=UTC))
    drain()
