"""Orders of accounts under rules."""

from decimal import Decimal

import pytest

from trading.tests import factories as make
from trading.tests.ruled import FLAT, played, ruled, share

pytestmark = pytest.mark.django_db


CHECKS = [
    ({"kind": "max_quantity", "quantity": "50"}, {"quantity": 51}, "max_quantity"),
    ({"kind": "max_notional", "amount": share(10)}, {"quantity": 101}, "max_notional"),
    ({"kind": "max_gross_exposure", "amount": share(10)}, {"quantity": 101}, "max_gross_exposure"),
    ({"kind": "max_symbol_share", "percent": "10"}, {"quantity": 101}, "max_symbol_share"),
    ({"kind": "max_lots_per_order", "lots": "20"}, {"quantity": 21}, "max_lots_per_order"),
    ({"kind": "stop_required"}, {"quantity": 1}, "stop_required"),
    ({"kind": "allowed_instruments", "deny": ["AAA"]}, {"quantity": 1}, "instrument_not_allowed"),
    (
        {"kind": "allowed_sessions", "windows": [{"days": ["sun"], "start": "00:00", "end": "01:00"}]},
        {"quantity": 1},
        "outside_session",
    ),
    (
        {"kind": "no_overnight", "flat_by": "00:00", "reopen": "23:59"},
        {"quantity": 1},
        "no_overnight",
    ),
]


@pytest.mark.parametrize(("rule", "order", "code"), CHECKS, ids=[item[2] for item in CHECKS])
def test_orders_are_judged_by_the_rules(rule, order, code):
    market = played({"AAA": [FLAT, FLAT]})
    account_id, who = ruled(market, rule, cash="100000")
    view = make.place(who, account_id, "buy", order["quantity"])
    assert (view.status, view.code) == ("denied", code)
    assert view.details["rule"] == rule["kind"]
    free, me = make.account(market, cash="100000")
    assert make.place(me, free, "buy", order["quantity"]).status == "filled"


def test_what_rests_counts_and_what_reduces_is_always_taken():
    market = played({"AAA": [FLAT, FLAT], "BBB": [FLAT, FLAT]})
    limits = ({"kind": "max_quantity", "quantity": "50"}, {"kind": "max_open_positions", "count": 1})
    account_id, who = ruled(market, *limits, cash="100000")
    assert make.place(who, account_id, "buy", 30, limit="90", time_in_force="gtc").status == "accepted"
    assert make.place(who, account_id, "buy", 21).code == "max_quantity"
    assert make.place(who, account_id, "buy", 1, "BBB").code == "max_open_positions"
    assert make.place(who, account_id, "buy", 20).status == "filled"
    assert make.place(who, account_id, "sell", 20).status == "filled"


def test_stop_required_takes_a_bracket():
    market = played({"AAA": [FLAT, FLAT]})
    account_id, who = ruled(market, {"kind": "stop_required", "max_distance_percent": "5"}, cash="100000")
    far = {"order_class": "oto", "stop_loss_price": Decimal(90)}
    assert make.place(who, account_id, "buy", 1, **far).code == "stop_too_far"
    near = {"order_class": "oto", "stop_loss_price": Decimal(96)}
    assert make.place(who, account_id, "buy", 1, **near).status == "filled"
