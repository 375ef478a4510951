"""A verdict's file: it holds by itself, and every value that was touched is named."""

import copy
import json

import pytest

from trading.domain.rules import payout_eligibility, verify_file, with_checksums
from trading.domain.rules.evidence_file import leaves
from trading.domain.rules.facts import PayoutFacts
from trading.tests.rules.make import T0, begin, mark, percent, rules, seen
from trading.tests.rules.test_correct import PLAN

LABELS = {"id": 7, "account_id": 3, "market_at": "2026-03-02T09:00:00+00:00", "created_at": "2026-03-02T09:00:01+00:00"}


def file_of(verdict):
    return json.loads(json.dumps(with_checksums({**LABELS, **verdict.to_json()})))


@pytest.fixture(params=["breach", "payout"])
def data(request):
    if request.param == "breach":
        _, (verdict, *_) = mark(PLAN, begin(PLAN), 100_000, 94_000)
        return file_of(verdict)
    payout = {"kind": "payout", "first_after_days": 3, "every_days": 14, "split_percent": "80", "minimum": "50"}
    plan = rules(
        payout, {"kind": "min_trading_days", "days": 4, "effect": "payout"}, {"kind": "max_loss", "amount": percent(5)}
    )
    return file_of(payout_eligibility(plan, begin(plan), seen(101_000, at=T0), PayoutFacts(fee_paid_minor=5)))


def put(data, path, value):
    changed = copy.deepcopy(data)
    here = changed
    steps = path.replace("[", ".[").split(".")
    for step in steps[:-1]:
        here = here[int(step[1:-1])] if step.startswith("[") else here[step]
    last = steps[-1]
    here[int(last[1:-1]) if last.startswith("[") else last] = value
    return changed


def other(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value}1" if value else "1"


def test_it_holds_by_itself(data):
    assert verify_file(data).ok
    del data["checksums"]
    assert verify_file(data).ok


def test_every_value_that_was_touched_is_named(data):
    whole = {name: value for name, value in data.items() if name != "checksums"}
    paths = list(leaves(whole))
    assert len(paths) > 60
    for path, value in paths:
        found = verify_file(put(data, path, other(value)))
        assert any(text.startswith(f"{path}:") for text in found.differences), path


def test_one_checksum_made_anew_does_not_help(data):
    path = "evidence.state.initial_minor"
    for value in (1, 1.5):
        changed = put(data, path, value)
        fresh = with_checksums({name: item for name, item in changed.items() if name != "checksums"})
        found = verify_file(json.loads(json.dumps(fresh)))
        assert not found.ok


def test_what_was_put_in_or_taken_out_is_named(data):
    more = copy.deepcopy(data)
    more["evidence"]["inputs"]["observation"]["bonus_minor"] = 1
    assert "evidence.inputs.observation.bonus_minor: 1 was put in since the download." in verify_file(more).differences
    less = copy.deepcopy(data)
    del less["evidence"]["state"]["payouts"]
    assert "evidence.state.payouts: was taken out since the download." in verify_file(less).differences
    assert "note: no part of a verdict." in verify_file({**data, "note": "x"}).differences
    assert not verify_file([data]).ok
    assert not verify_file({}).ok
    assert not verify_file({**data, "checksums": 3}).ok
