"""The field's rules and traps on accounts of the firm: bought, traded by orders, judged by prices, proved."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from marketdata.selectors import tick_of
from marketdata.selectors.markets import market_row
from marketdata.tests.factories import advance
from propfirm.selectors.accounts import account_detail
from propfirm.tests import factories as make
from trading.domain.rules import RuleState
from trading.models import AccountRules, Verdict
from trading.selectors.rules import verdict_evidence
from trading.services.rules import rules_evaluate

pytestmark = pytest.mark.django_db
PRAGUE = {"time": "00:00", "zone": "Europe/Prague"}
CHICAGO = {"time": "17:00", "zone": "America/Chicago"}
TARGET = {"kind": "profit_target", "amount": make.initial(50)}


def account(market, *rules, size="100000", target=TARGET, **fields):
    plan = make.plan(market, evaluation=[*rules, target], size=size, **fields)
    return make.prop_account(plan)


def fixed(value):
    return {"basis": "fixed", "value": str(value)}


def found(held, *kinds):
    rows = Verdict.objects.filter(account_id=make.phase_of(held).trading_account_id).order_by("pk")
    return [row for row in rows if row.kind in (kinds or ("fail", "expired", "soft"))]


def proved(row, who, tmp_path):
    """What the trader downloads is enough to compute the verdict again."""
    path = tmp_path / f"verdict-{row.pk}.json"
    path.write_text(json.dumps(verdict_evidence(row.pk, who)))
    call_command("verify_verdict", str(path), stdout=open("/dev/null", "w"))  # noqa: SIM115


def limit(held, who, kind):
    detail = account_detail(held.number, who)
    return next(item for item in detail.rules.limits if item.kind == kind)


def settle(market, held):
    make.deliver()
    held.refresh_from_db()
    return held.status


@pytest.mark.parametrize("after", [100, 80], ids=["open-above", "open-below"])
def test_the_reset_itself_breaches_at_midnight_in_prague(after, tmp_path):
    """PROP-RULES, trap 1: 200k, 5 % of initial from the balance; +4,000 closed, -13,000 floating."""
    market = make.market({"AAA": [(100, 104, 100, 104), (104,) * 4], "BBB": [(100, 100, 87, 87), (after,) * 4]})
    daily = {"kind": "daily_loss", "amount": make.initial(5), "reset": PRAGUE, "warn_at": []}
    held, who = account(market, daily, size="200000")
    make.trade(held, who, "buy", 1000, "AAA")
    make.trade(held, who, "buy", 1000, "BBB")
    advance(market.id, 3)
    make.trade(held, who, "sell", 1000, "AAA")
    rules_evaluate(make.phase_of(held).trading_account_id, tick_of(market_row(market.id)))
    now = limit(held, who, "daily_loss")
    assert (now.line_minor, now.now_minor, now.distance_minor) == (190_000_00, 191_000_00, 1_000_00)
    assert settle(market, held) == "active"
    advance(market.id)
    assert settle(market, held) == "failed"
    [row] = found(held)
    figures = row.evidence["figures"]
    assert (figures["tested_minor"], figures["floor_minor"]) == (191_000_00, 194_000_00)
    assert row.evidence["inputs"]["observation"]["at"] == "2024-01-08T23:00:00+00:00"
    proved(row, who, tmp_path)


@pytest.mark.parametrize(("price", "fails"), [("94", False), ("93.99999", True)], ids=["stands", "fails"])
def test_below_is_not_at_or_below(price, fails, tmp_path):
    """PROP-RULES, trap 2: closes of 104k and 103k give floors of 90k, 94k and 94k."""
    market = make.market({"AAA": [(100, 104, 100, 104), (104, 104, 103, 103), (103, 103, price, price)]})
    most = {"kind": "max_loss", "amount": make.initial(10), "trailing": "end_of_day", "warn_at": []}
    held, who = account(market, most)
    floors = [limit(held, who, "max_loss").line_minor]
    for day in range(3):
        make.trade(held, who, "buy", 1000)
        advance(market.id, 3)
        if day < 2:
            make.trade(held, who, "sell", 1000)
            advance(market.id)
            floors.append(limit(held, who, "max_loss").line_minor)
    assert floors == [90_000_00, 94_000_00, 94_000_00]
    assert settle(market, held) == ("failed" if fails else "active")
    rows = found(held)
    assert [row.evidence["figures"]["tested_minor"] for row in rows] == [93_999_99] * fails
    for row in rows:
        proved(row, who, tmp_path)


def test_a_trail_follows_unrealised_peaks_only_where_the_plan_says_intraday(tmp_path):
    """PROP-RULES, trap 3."""
    market = make.market({"AAA": [(100, 112, 100, 101), (101,) * 4]})
    ends = {}
    for trailing in ("intraday", "end_of_day", "static"):
        most = {"kind": "max_loss", "amount": make.initial(10), "trailing": trailing, "warn_at": []}
        ends[trailing] = account(market, most)
        make.trade(*ends[trailing], "buy", 1000)
    advance(market.id, 3)
    assert [settle(market, ends[name][0]) for name in ends] == ["failed", "active", "active"]
    [row] = found(ends["intraday"][0])
    assert row.evidence["figures"]["floor_minor"] == 102_000_00
    proved(row, ends["intraday"][1], tmp_path)


def test_a_floor_stops_rising_100_above_the_start():
    """Intraday trail that locks at initial + 100: the peak of 112k would lift the floor to 109.5k."""
    market = make.market({"AAA": [(100, 112, 100, 101), (101,) * 4]})
    most = {"kind": "max_loss", "amount": fixed(2500), "trailing": "intraday", "lock": "initial",
            "lock_offset": "100", "comparator": "at_or_below", "warn_at": []}  # fmt: skip
    held, who = account(market, most)
    make.trade(held, who, "buy", 1000)
    advance(market.id, 3)
    assert limit(held, who, "max_loss").line_minor == 100_100_00
    assert settle(market, held) == "active"


@pytest.mark.parametrize(
    ("reference", "amount", "floor"),
    [
        ("balance", make.initial(5), 95_000_00),
        ("equity", make.initial(5), 99_000_00),
        ("max", {"basis": "reference", "value": "5"}, 98_800_00),
        ("balance", {"basis": "reference", "value": "4"}, 96_000_00),
    ],
    ids=["balance", "equity", "higher-of-both", "share-of-current-balance"],
)
def test_what_the_days_floor_is_measured_from(reference, amount, floor):
    """A first day that ends with +4,000 unrealised: 100k of balance, 104k of equity."""
    market = make.market({"AAA": [(100, 104, 100, 104), (104,) * 4]})
    daily = {"kind": "daily_loss", "amount": amount, "reference": reference, "reset": PRAGUE}
    held, who = account(market, daily)
    make.trade(held, who, "buy", 1000)
    advance(market.id, 4)
    assert limit(held, who, "daily_loss").line_minor == floor


def test_hit_or_exceed_pauses_until_five_in_chicago_and_no_longer():
    market = make.market({"AAA": [(100, 100, 99, 99), (99,) * 4]})
    soft = {"kind": "daily_loss", "amount": fixed(1000), "reset": CHICAGO, "comparator": "at_or_below",
            "severity": "soft", "warn_at": []}  # fmt: skip
    held, who = account(market, soft)
    make.trade(held, who, "buy", 1000)
    advance(market.id, 3)
    [row] = found(held)
    assert (row.kind, row.evidence["figures"]["tested_minor"]) == ("soft", 99_000_00)
    detail = account_detail(held.number, who)
    assert detail.locked_until == datetime(2024, 1, 8, 23, tzinfo=UTC)
    advance(market.id)
    assert account_detail(held.number, who).card.status == "active"


def test_a_day_that_made_too_much_holds_back_passing_until_others_made_their_share():
    market = make.market({"AAA": [(100, 112, 100, 112), (112, 124, 112, 124), (124,) * 4]})
    even = {"kind": "consistency", "percent": "50", "reset": PRAGUE}
    held, who = account(market, even, target={"kind": "profit_target", "amount": make.initial(8)})
    for day in range(2):
        make.trade(held, who, "buy", 800)
        advance(market.id, 3)
        make.trade(held, who, "sell", 800)
        advance(market.id)
        assert settle(market, held) == ("active" if day == 0 else "funded")
    assert not found(held)


def test_the_clocks_change_and_the_day_ends_an_hour_earlier_in_utc():
    """31 March 2024: Prague goes to summer time, so Sunday has 23 hours."""
    bars = [(100, 100, 100, 100)] * 66
    market = make.market({"AAA": bars}, warmup=58)
    daily = {"kind": "daily_loss", "amount": make.initial(5), "reset": PRAGUE}
    held, _ = account(market, daily)
    trading_id = make.phase_of(held).trading_account_id
    ends = set()
    for _ in range(16):
        ends.add(RuleState.from_json(AccountRules.objects.get(pk=trading_id).state).next_reset().isoformat())
        advance(market.id)
    assert "2024-03-28T23:00:00+00:00" in ends  # winter time
    assert "2024-04-01T22:00:00+00:00" in ends  # summer time
    history = RuleState.from_json(AccountRules.objects.get(pk=trading_id).state).days[0].history
    # No tick came on the days of the weekend: each was rolled at its own end all the same.
    days = [item.day for item in history]
    assert days == sorted(days)
    assert {"2024-03-30", "2024-03-31"} <= set(days)


def test_days_that_ended_while_nothing_ran_are_rolled_at_their_own_ends(tmp_path):
    """From Friday to Monday no price comes; the floor of each day is taken from what stood at its own reset."""
    friday = [(100, 100, 100, 100)] * 4
    market = make.market({"AAA": [*friday, (100, 103, 100, 103), (91, 91, 91, 91)]})
    daily = {"kind": "daily_loss", "amount": make.initial(5), "reset": PRAGUE, "warn_at": []}
    held, who = account(market, daily)
    advance(market.id, 16)
    make.trade(held, who, "buy", 900)
    advance(market.id, 3)
    advance(market.id)  # Monday's open at 91
    assert settle(market, held) == "failed"
    [row] = found(held)
    assert row.evidence["figures"]["floor_minor"] == 95_000_00
    assert row.evidence["inputs"]["observation"]["positions"][0]["price"] == "91"
    proved(row, who, tmp_path)


def test_an_order_at_the_instant_of_the_breach_is_refused_and_the_flattening_is_not():
    market = make.market({"AAA": [(100, 100, 90, 90), (90,) * 4]})
    held, who = account(market, {**make.DAILY, "warn_at": []})
    make.trade(held, who, "buy", 900)
    make.trade(held, who, "buy", 50, limit="89", time_in_force="gtc")
    advance(market.id, 2)
    view = make.trade(held, who, "buy", 1)
    assert (view.status, view.code) == ("denied", "account_not_active")
    assert settle(market, held) == "failed"
    detail = account_detail(held.number, who)
    assert detail.rules.balance_minor == detail.rules.equity_minor


@pytest.mark.parametrize("counts", ["opened", "profit"])
def test_trading_days_by_their_two_meanings(counts):
    market = make.market({"AAA": [(100, 102, 100, 102), (102, 102, 100, 100), (100, 102, 100, 102), (102,) * 4]})
    days = {"kind": "min_trading_days", "days": 2, "reset": PRAGUE, "counts": counts}
    if counts == "profit":
        days["min_profit"] = fixed(150)
    held, who = account(market, days)
    done = []
    for _ in range(3):
        make.trade(held, who, "buy", 100)
        advance(market.id, 3)
        make.trade(held, who, "sell", 100)
        advance(market.id)
        [(_, number, _)] = account_detail(held.number, who).rules.trading_days
        done.append(number)
    assert done == ([1, 2, 3] if counts == "opened" else [1, 1, 2])
