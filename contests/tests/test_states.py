"""The state table and the definition's checks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from contests.domain.constraints import Constraints
from contests.domain.definition import ContestSpec, definition_hash
from contests.domain.states import FINAL, MOVES, ContestStatus, may_move
from core.errors import Invalid
from core.money import Money

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def _spec(**fields) -> ContestSpec:
    values = {"slug": "spring", "name": "Spring", "market": {"seed": 1}, "initial_balance": Money.of("1000000", "USD")}
    return ContestSpec(**{**values, "agent_interval_minutes": 10, **fields})


def test_every_state_has_its_row_and_nothing_leaves_a_final_one():
    assert set(MOVES) == set(ContestStatus)
    assert all(not MOVES[state] for state in FINAL)
    assert may_move("scheduled", "active")
    assert not may_move("ended", "active")
    assert not may_move("draft", "active")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"slug": "Not a slug"}, "slug"),
        ({"slug": "-x"}, "slug"),
        ({"name": "  "}, "name"),
        ({"initial_balance": Money(0, "USD")}, "initial_balance"),
        ({"initial_balance": Money(10**15, "USD")}, "initial_balance"),
        ({"initial_balance": Money(1, "usd")}, "currency"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": 100_001}, "capacity"),
        ({"agent_interval_minutes": 0}, "agent_interval_minutes"),
        ({"visibility": "secret"}, "visibility"),
        ({"agents": ("a", "a")}, "agents"),
        ({"agents": ("a", "b"), "capacity": 1}, "agents"),
        ({"ends_at": NOW}, "ends_at"),
        ({"starts_at": NOW, "ends_at": NOW}, "ends_at"),
        ({"starts_at": NOW, "ends_at": NOW + timedelta(days=91)}, "ends_at"),
    ],
)
def test_a_senseless_spec_names_its_field(fields, field):
    with pytest.raises(Invalid) as caught:
        _spec(**fields).checked()
    assert caught.value.details["field"] == field


def test_the_hash_covers_what_decides_the_result_and_nothing_else():
    base = definition_hash(_spec().definition())
    assert definition_hash(_spec(name="Another", is_featured=True).definition()) == base
    assert definition_hash(_spec(market={"seed": 2}).definition()) != base
    assert definition_hash(_spec(agents=("a",)).definition()) != base


def test_limits_are_read_and_typos_refused():
    limits = Constraints.from_json({"max_position_pct": "25.0", "max_trades_per_day": 10})
    assert limits == Constraints(Decimal("25"), 10, None)
    assert Constraints.from_json(limits.as_json()) == limits
    bad = [{"max_position": 1}, {"max_position_pct": "NaN"}, {"max_position_pct": "x"}, {"max_position_pct": 101}]
    for data in [*bad, {"max_trades_per_day": 0}, {"max_trades_per_day": True}, {"max_trades_per_day": "5"}]:
        with pytest.raises(Invalid):
            Constraints.from_json(data)
