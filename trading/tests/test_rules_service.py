"""Rules of accounts on replay markets: the three traps of the field, what verdicts do, and that they can be proved."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from accounts.models import User
from core.errors import Conflict, Invalid
from core.models import AuditEntry, OutboxEvent
from core.services.books import verify as verify_books
from marketdata.selectors import market_view, tick_of
from marketdata.selectors.markets import market_row
from marketdata.tests.factories import advance, replay_market
from trading.domain import rules
from trading.models import Account, AccountRules, EquityPoint, Fill, Order, Position, RuleSet, Verdict
from trading.services.rules import rule_set_store, rules_assign_in_tx, rules_evaluate
from trading.tests import factories as make

pytestmark = pytest.mark.django_db
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


def test_versions_of_rule_sets_never_change(tmp_path):
    first = rule_set_store(document=document({"kind": "stop_required"}))
    assert rule_set_store(document=document({"kind": "stop_required"})).pk == first.pk
    with pytest.raises(Conflict) as taken:
        rule_set_store(document=document({"kind": "max_quantity", "quantity": "1"}))
    assert taken.value.code == "rule_set_version_taken"
    with pytest.raises(DatabaseError), transaction.atomic():
        RuleSet.objects.filter(pk=first.pk).update(name="Other")
    with pytest.raises(Invalid) as wrong:
        rule_set_store(document=document({"kind": "daily_loss", "amount": share(500)}))
    assert wrong.value.details["problems"][0]["path"].startswith("rules[0].amount")
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(document({"kind": "max_lots_per_order", "lots": "2"})))
    out = StringIO()
    call_command("rule_sets", "validate", str(path), stdout=out)
    call_command("rule_sets", "words", str(path), stdout=out)
    assert "at most 2 lots" in out.getvalue()
    path.write_text("{}")
    with pytest.raises(CommandError, match="version"):
        call_command("rule_sets", "validate", str(path), stdout=out)


def test_books_agree_after_a_breach():
    market, _, _ = ftmo(80)
    advance(market.id, 2)
    assert verify_books().is_sound
    assert market_view(market.id).tick == 5


def test_the_api_shows_rules_distances_verdicts_and_evidence_to_who_may_see_them(client):
    market, account_id, who = ftmo(100)
    client.force_login(User.objects.get(pk=who.user_id))
    body = client.get(f"/api/v1/accounts/{account_id}/rules").json()
    assert body["rules"][0]["text"].startswith("Daily loss: equity")
    assert (body["status"], body["balance"], body["equity"]) == ("active", "204000.00", "191000.00")
    [limit] = body["limits"]
    assert (limit["line"], limit["distance"], limit["used_percent"]) == ("190000.00", "1000.00", 90)
    advance(market.id)
    assert client.get(f"/api/v1/accounts/{account_id}/rules").json()["status"] == "failed"
    [row] = client.get(f"/api/v1/accounts/{account_id}/verdicts").json()["results"]
    evidence = client.get(f"/api/v1/verdicts/{row['id']}/evidence")
    assert "attachment" in evidence["Content-Disposition"]
    assert rules.verify({name: evidence.json()[name] for name in data(Verdict.objects.get())}).ok
    client.force_login(make.user())
    for path in (f"accounts/{account_id}/rules", f"accounts/{account_id}/verdicts", f"verdicts/{row['id']}/evidence"):
        assert client.get(f"/api/v1/{path}").status_code == 404, path


def test_operators_add_rule_sets_in_the_admin_and_read_what_is_wrong_with_them(client):
    client.force_login(make.user(is_staff=True, is_superuser=True))
    url = "/admin/trading/ruleset/add/"
    wrong = client.post(url, {"document": json.dumps(document({"kind": "daily_loss", "amount": share(500)}))})
    assert "rules[0].amount" in wrong.content.decode()
    good = {"document": json.dumps(document({"kind": "max_lots_per_order", "lots": "2"}))}
    assert client.post(url, good).status_code == 302
    row = RuleSet.objects.get()
    assert "at most 2 lots" in client.get(f"/admin/trading/ruleset/{row.pk}/change/").content.decode()
    assert "Give the next one" in client.post(url, good).content.decode()
    assert client.get("/admin/trading/verdict/").status_code == 200
    assert client.get("/admin/trading/accountrules/").status_code == 200
