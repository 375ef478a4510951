"""Fees and prizes as data: what is refused, and who gets how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contests.domain.stakes import Stakes, awards
from core.errors import Invalid

TOP3 = [{"first": 1, "share_bp": 5_000}, {"first": 2, "share_bp": 3_000}, {"first": 3, "share_bp": 2_000}]


def stakes(**more):
    return Stakes.from_json({"currency": "USD", "fee_minor": 1_000, "prizes": TOP3, **more})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": ""}, "currency"),
        ({"currency": "DOLLAR"}, "currency"),
        ({"fee_minor": -1}, "fee_minor"),
        ({"fee_minor": 1.5}, "fee_minor"),
        ({"fee_minor": True}, "fee_minor"),
        ({"house_bp": 10_001}, "house_bp"),
        ({"prizes": [*TOP3, {"first": 4, "share_bp": 1}]}, "prizes"),
        ({"prizes": [{"first": 1, "last": 3, "share_bp": 3_334}]}, "prizes"),
        ({"prizes": [{"first": 1, "last": 3, "share_bp": 100}, {"first": 3, "share_bp": 1}]}, "prizes"),
        ({"prizes": [{"first": 0, "share_bp": 1}]}, "prizes"),
        ({"prizes": [{"first": 2, "last": 1, "share_bp": 1}]}, "prizes"),
        ({"prizes": [{"first": 1, "share_bp": 1, "amount_minor": 1}]}, "prizes"),
        ({"prizes": [{"first": 1}]}, "prizes"),
        ({"prizes": [{"first": 1, "share": 1}]}, "prizes"),
        ({"prizes": "first"}, "prizes"),
        ({"prizes": []}, "prizes"),
        ({"prizes": [{"first": 1, "amount_minor": 500}], "added_minor": 499}, "prizes"),
        ({"dispute_hours": 721}, "dispute_hours"),
        ({"feee": 1}, "feee"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(change, field):
    with pytest.raises(Invalid) as refused:
        stakes(**change)
    assert (refused.value.code, refused.value.details["field"]) == ("invalid_stakes", field)


def test_nothing_at_stake_is_nothing():
    assert not Stakes.from_json({})
    assert Stakes.from_json({}).to_json() == {}


def test_it_reads_what_it_writes():
    rows = [{"first": 1, "amount_minor": 500, "badge": "Gold"}, {"first": 2, "last": 9, "share_bp": 9}]
    made = stakes(added_minor=700, house_bp=1_000, sponsor=" Acme  Inc ", dispute_hours=0, prizes=rows)
    assert Stakes.from_json(made.to_json()) == made
    assert made.sponsor == "Acme Inc"


def test_a_pool_by_shares():
    assert [one.amount_minor for one in awards(stakes(), pool_minor=10_001, ranked=9)] == [5_000, 3_001, 2_000]


def test_places_that_nobody_took_go_to_those_that_were():
    assert [one.amount_minor for one in awards(stakes(), pool_minor=8_000, ranked=2)] == [5_000, 3_000]
    assert [one.amount_minor for one in awards(stakes(), pool_minor=8_000, ranked=1)] == [8_000]
    assert awards(stakes(), pool_minor=8_000, ranked=0) == []


def test_fixed_prizes_come_first_and_never_from_what_is_not_there():
    mixed = stakes(
        added_minor=600, prizes=[{"first": 1, "amount_minor": 500}, {"first": 2, "last": 3, "share_bp": 5_000}]
    )
    assert [one.amount_minor for one in awards(mixed, pool_minor=1_600, ranked=5)] == [500, 550, 550]
    assert [one.amount_minor for one in awards(mixed, pool_minor=300, ranked=5)] == [300, 0, 0]


prizes = st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.integers(1, 400)), min_size=1, max_size=8)


@given(prizes, st.integers(0, 10**9), st.integers(0, 50))
def test_never_more_than_the_pool_and_all_of_it_when_all_of_it_is_promised(rows, pool, ranked):
    made, at, fixed = [], 1, 0
    for width, is_fixed, value in rows:
        what = {"amount_minor": value} if is_fixed else {"share_bp": value // width or 1}
        made.append({"first": at, "last": at + width - 1, **what})
        fixed += value * width if is_fixed else 0
        at += width
    left = 10_000 - sum(row.get("share_bp", 0) * (row["last"] - row["first"] + 1) for row in made)
    made.append({"first": at, "share_bp": left})
    found = Stakes.from_json({"currency": "USD", "fee_minor": 100, "added_minor": fixed, "prizes": made})
    given_ = awards(found, pool_minor=pool, ranked=ranked)
    assert [one.place for one in given_] == list(range(1, min(ranked, at) + 1))
    total = sum(one.amount_minor for one in given_)
    assert total <= pool
    assert all(one.amount_minor >= 0 for one in given_)
    has_share = any(row.get("share_bp") and row["first"] <= ranked for row in made)
    assert total == pool or not has_share
