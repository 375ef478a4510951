"""Rules of accounts on replay markets: the three traps of the field, what verdicts do, and that they can be proved."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from core.models import AuditEntry, OutboxEvent
from core.services.books import verify as verify_books
from marketdata.selectors import market_view
from marketdata.tests.factories import advance
from trading.domain import rules
from trading.models import Account, AccountRules, EquityPoint, Fill, Order, Position, Verdict
from trading.services.rules import rules_evaluate
from trading.tests import factories as make
from trading.tests.ruled import FLAT, PRAGUE, data, ftmo, played, proved, ruled, share, state, tick, verdicts

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("after", [100, 87, 80])
def test_the_reset_itself_breaches_whatever_the_next_open_brings(after):
    market, account_id, who = ftmo(after)
    make.place(who, account_id, "buy", 10, "AAA", limit="90", time_in_force="gtc")
    rules_evaluate(account_id, tick(market))
    assert not verdicts(account_id)  # 191,000 stands above the floor of 190,000
    advance(market.id)
    [verdict] = verdicts(account_id)
    assert (verdict.kind, verdict.code) == ("fail", "daily_loss_breached")
    figures = verdict.evidence["figures"]
    assert (figures["tested_minor"], figures["floor_minor"]) == (191_000_00, 194_000_00)
    assert verdict.evidence["inputs"]["observation"]["at"] == "2024-01-08T23:00:00+00:00"
    proved(verdict)
    account = Account.objects.get(pk=account_id)
    assert (account.status, account.locked_until) == ("locked", None)
    assert not Position.objects.filter(account_id=account_id).exclude(quantity=0).exists()
    assert Order.objects.get(account_id=account_id, type="limit").status == "canceled"
    # What was left is sold at the first price after the reset, which does not undo the breach.
    assert account.cash_minor == 204_000_00 - (100 - after) * 1000_00
    assert make.place(who, account_id, "buy", 1, "AAA").code == "account_not_active"
    advance(market.id, 3)
    assert len(verdicts(account_id)) == 1
    assert Account.objects.get(pk=account_id).status == "locked"
    assert AccountRules.objects.get(pk=account_id).status == "failed"


def test_what_is_closed_stands_still():
    market, account_id, _ = ftmo(100)
    Account.objects.filter(pk=account_id).update(status="closed")
    advance(market.id, 2)
    assert not verdicts(account_id)


def trailing(price):
    """Closes of 104,000 and 103,000 on 100,000, then the third day's close at `price` with 1,000 shares held."""
    third = (103, 103, price, price)
    market = played({"AAA": [(100, 104, 100, 104), (104, 104, 103, 103), third, (price,) * 4]})
    rule = {"kind": "max_loss", "amount": share(10), "trailing": "end_of_day", "warn_at": []}
    account_id, who = ruled(market, rule, cash="100000")
    floors = [state_floor(account_id)]
    for day in range(3):
        assert make.place(who, account_id, "buy", 1000).status == "filled"
        advance(market.id, 3)
        if day < 2:
            make.place(who, account_id, "sell", 1000)
            advance(market.id)
            floors.append(state_floor(account_id))
    return account_id, floors


def state_floor(account_id):
    row = AccountRules.objects.select_related("rule_set").get(pk=account_id)
    rule_set = rules.RuleSet.from_json(row.rule_set.document)
    return rules.floor_minor(rule_set.rules[0], state(account_id))


@pytest.mark.parametrize(("price", "equity", "fails"), [("94", 94_000_00, 0), ("93.99999", 93_999_99, 1)])
def test_at_the_floor_stands_and_a_cent_below_fails(price, equity, fails):
    account_id, floors = trailing(Decimal(price))
    assert floors == [90_000_00, 94_000_00, 94_000_00]
    assert EquityPoint.objects.filter(account_id=account_id).latest("tick").equity_minor == equity
    found = verdicts(account_id)
    assert [row.evidence["figures"]["tested_minor"] for row in found] == [equity] * fails
    for row in found:
        proved(row)


def test_only_an_intraday_trail_follows_unrealised_peaks():
    market = played({"AAA": [(100, 112, 100, 101), (101,) * 4]})
    kinds = {}
    for trail in ("intraday", "end_of_day", "static"):
        rule = {"kind": "max_loss", "amount": share(10), "trailing": trail, "warn_at": []}
        kinds[trail], who = ruled(market, rule, cash="100000", name=f"Rules {trail}")
        make.place(who, kinds[trail], "buy", 1000)
    advance(market.id, 3)
    assert [len(verdicts(kinds[trail])) for trail in ("intraday", "end_of_day", "static")] == [1, 0, 0]
    [verdict] = verdicts(kinds["intraday"])
    assert verdict.evidence["figures"]["floor_minor"] == 102_000_00
    assert state(kinds["intraday"]).high_waters[0].minor == 112_000_00
    proved(verdict)


def test_soft_locks_until_the_reset_and_trades_again_after_it():
    market = played({"AAA": [(100, 100, 95, 95), (95, 95, 95, 95)]})
    soft = {"kind": "daily_loss", "amount": share(1), "severity": "soft", "warn_at": [], "reset": PRAGUE}
    account_id, who = ruled(market, soft, cash="100000")
    make.place(who, account_id, "buy", 500)
    advance(market.id, 3)
    [verdict] = verdicts(account_id)
    assert verdict.kind == "soft"
    proved(verdict)
    account = Account.objects.get(pk=account_id)
    assert account.locked_until.isoformat() == "2024-01-08T23:00:00+00:00"
    assert AccountRules.objects.get(pk=account_id).status == "locked"
    assert make.place(who, account_id, "buy", 1).status == "denied"
    assert not Position.objects.filter(account_id=account_id).exclude(quantity=0).exists()
    advance(market.id)
    assert Account.objects.get(pk=account_id).status == "active"
    assert AccountRules.objects.get(pk=account_id).status == "active"
    assert make.place(who, account_id, "buy", 1).status == "filled"
    assert len(verdicts(account_id)) == 1


def test_a_level_is_told_once_a_day_with_event_and_audit():
    market = played({"AAA": [(100, 100, 97, 98), (98, 98, 95, 96)]})
    account_id, who = ruled(market, {"kind": "daily_loss", "amount": share(5), "warn_at": [50, 80]}, cash="100000")
    make.place(who, account_id, "buy", 1000)
    advance(market.id, 3)
    assert [row.evidence["figures"]["level"] for row in verdicts(account_id)] == [50]
    rules_evaluate(account_id, tick(market))
    assert len(verdicts(account_id)) == 1
    events = OutboxEvent.objects.filter(topic="trading.verdict", aggregate=f"account:{account_id}")
    assert [event.payload["code"] for event in events] == ["daily_loss_warning"]
    assert AuditEntry.objects.filter(action="verdict_warn", subject_id=str(account_id)).count() == 1
    assert Account.objects.get(pk=account_id).status == "active"
    # The next day counts from the balance of 100,000 that the reset found: 96,000 uses 80% of it.
    advance(market.id, 4)
    assert [row.evidence["figures"]["level"] for row in verdicts(account_id)] == [50, 80]
    for row in verdicts(account_id):
        proved(row)


def test_fills_count_once_and_days_by_the_zone():
    market = played({"AAA": [FLAT] * 4})
    days = {"kind": "min_trading_days", "days": 2, "reset": PRAGUE}
    target = {"kind": "profit_target", "amount": share(10)}
    account_id, who = ruled(market, days, target, cash="100000")
    make.place(who, account_id, "buy", 10)
    advance(market.id)
    for _ in range(3):
        rules_evaluate(account_id, tick(market))
    assert state(account_id).days[0].opened
    assert AccountRules.objects.get(pk=account_id).last_fill_id == Fill.objects.get(account_id=account_id).pk
    advance(market.id, 3)  # a day with a position carried over, and no new one
    assert state(account_id).counted("min_trading_days") == 1
    assert not state(account_id).days[0].opened
    advance(market.id, 4)
    make.place(who, account_id, "sell", 10)
    make.place(who, account_id, "buy", 10)
    advance(market.id, 4)
    assert state(account_id).counted("min_trading_days") == 2
    assert [item.opened for item in state(account_id).days[0].history] == [True, False, True]


def test_a_target_reached_is_told_and_stored():
    market = played({"AAA": [(100, 120, 100, 120), (120,) * 4]})
    account_id, who = ruled(market, {"kind": "profit_target", "amount": share(10)}, cash="100000")
    make.place(who, account_id, "buy", 600)
    advance(market.id, 3)
    assert not verdicts(account_id)
    make.place(who, account_id, "sell", 600)
    advance(market.id)
    [verdict] = verdicts(account_id)
    assert (verdict.kind, verdict.code) == ("pass", "phase_passed")
    proved(verdict)
    assert AccountRules.objects.get(pk=account_id).status == "passed"
    assert Account.objects.get(pk=account_id).status == "active"


def test_a_verdict_can_be_proved_and_tampering_shows():
    market, account_id, _ = ftmo(100)
    advance(market.id)
    [verdict] = verdicts(account_id)
    out = StringIO()
    call_command("verify_verdict", verdict.pk, stdout=out)
    assert "holds" in out.getvalue()
    for path, value in (
        (("inputs", "observation", "equity_minor"), 195_000_00),
        (("inputs", "observation", "positions"), []),
        (("state", "initial_minor"), 1),
        (("figures", "floor_minor"), 1),
    ):
        changed = json.loads(json.dumps(data(verdict)))
        place = changed["evidence"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        assert not rules.verify(changed).ok, path
    with pytest.raises(DatabaseError), transaction.atomic():
        Verdict.objects.filter(pk=verdict.pk).update(message="all is well")
    with pytest.raises(CommandError) as missing:
        call_command("verify_verdict", 0)
    assert missing.value.returncode == 1


def test_books_agree_after_a_breach():
    market, _, _ = ftmo(80)
    advance(market.id, 2)
    assert verify_books().is_sound
    assert market_view(market.id).tick == 5
