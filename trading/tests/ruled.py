"""Accounts under rules on replay markets, for tests."""

import json
from decimal import Decimal

from django.db import transaction

from marketdata.selectors import tick_of
from marketdata.selectors.markets import market_row
from marketdata.tests.factories import advance, replay_market
from trading.domain import rules
from trading.models import AccountRules, Verdict
from trading.services.rules import rule_set_store, rules_assign_in_tx
from trading.tests import factories as make

PRAGUE = {"time": "00:00", "zone": "Europe/Prague"}
FLAT = (100, 100, 100, 100)


def played(bars, **more):
    """A market at its first open where a thousand shares trade at the last price to the cent: tiny ticks, no impact."""
    grain = {"tick_size": Decimal("0.000001")}
    return replay_market(bars, instrument=grain, spread_bps=0, venue={"impact_k": "0"}, ticks=1, **more)


def document(*items, version=1, name="Test rules"):
    return {"version": version, "name": name, "currency": "USD", "rules": list(items)}


def share(value, basis="initial"):
    return {"basis": basis, "value": str(value)}


def ruled(market, *items, cash="200000", name="Test rules"):
    """An account under rules."""
    row = rule_set_store(document=document(*items, name=name))
    account_id, who = make.account(market, cash=cash)
    with transaction.atomic():
        rules_assign_in_tx(account_id=account_id, rule_set_id=row.pk)
    return account_id, who


def verdicts(account_id):
    return list(Verdict.objects.filter(account_id=account_id).order_by("id"))


def data(row):
    return {name: getattr(row, name) for name in ("kind", "rule_key", "code", "message", "evidence")}


def proved(row):
    found = rules.verify(json.loads(json.dumps(data(row))))
    assert found.ok, found.differences


def state(account_id):
    return rules.RuleState.from_json(AccountRules.objects.get(pk=account_id).state)


def tick(market):
    return tick_of(market_row(market.id))


def ftmo(after):
    """200,000; +4,000 closed and -13,000 floating at the close of the first day; BBB opens the second at `after`."""
    market = played({"AAA": [(100, 104, 100, 104), (104,) * 4], "BBB": [(100, 100, 87, 87), (after,) * 4]})
    daily = {"kind": "daily_loss", "amount": share(5), "reset": PRAGUE, "warn_at": []}
    account_id, who = ruled(market, daily)
    make.place(who, account_id, "buy", 1000, "AAA")
    make.place(who, account_id, "buy", 1000, "BBB")
    advance(market.id, 3)
    make.place(who, account_id, "sell", 1000, "AAA")
    return market, account_id, who
