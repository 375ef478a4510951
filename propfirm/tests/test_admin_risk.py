"""Live risk, the dashboard and what plans bring: the rules' own figures, in a number of queries that does not grow."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketdata.tests.factories import advance
from payments.tests.factories_payouts import payable
from propfirm.models import PropAccount
from propfirm.selectors.accounts import account_detail, accounts_query
from propfirm.selectors.economics import Share, plan_economics
from propfirm.selectors.overview import breach_counts, census, day_begin, liability_now, payouts_waiting
from propfirm.selectors.risk import risk_order, riskiest, risks_of, with_room
from propfirm.services.payouts import payout_request
from propfirm.tests import factories as make
from propfirm.tests.test_admin import staff

pytestmark = pytest.mark.django_db
FALL = {"AAA": [(100, 100, 94, 94), (94, 94, 94, 94), (94, 94, 94, 94)]}
STEADY = {"kind": "daily_loss", "amount": make.initial(5), "reset": make.UTC_MIDNIGHT, "warn_at": []}
TRAIL = {"kind": "max_loss", "amount": make.initial(6), "trailing": "intraday"}
MOVES = {"AAA": [(100, 102, 97, 97), (97, 97, 97, 97), (97, 97, 97, 97)]}


def live(*sizes, rules=None, bars=None):
    """Accounts on one market that hold as many shares each, marked at 97 after a peak of 102."""
    market = make.market(bars or MOVES)
    plan = make.plan(market, evaluation=rules or [make.DAILY, make.MOST, make.TARGET])
    made = [make.prop_account(plan) for _ in sizes]
    for (account, who), size in zip(made, sizes, strict=True):
        if size:
            make.trade(account, who, "buy", size)
    advance(market.id, 4)
    make.deliver()
    return made


def room_of(account, who):
    """The least distance to a floor, by the page of the account."""
    limits = account_detail(account.number, who).rules.limits
    return min(limit.distance_minor for limit in limits if limit.kind != "profit_target")


@pytest.mark.parametrize(
    "rules",
    [
        [make.DAILY, make.MOST, make.TARGET],
        [STEADY, TRAIL, make.TARGET],
        [{**make.DAILY, "tested": "balance"}, make.TARGET],
        [{**make.DAILY, "severity": "warn"}, make.MOST, make.TARGET],
    ],
    ids=["static", "trailing", "balance", "one that only warns"],
)
def test_the_room_is_that_of_the_rules_and_sql_knows_a_bound_of_it(rules):
    for account, who in live(0, 300, 900, rules=rules):
        trading = make.phase_of(account).trading_account_id
        risk = risks_of([trading])[trading]
        own = [limit for limit in account_detail(account.number, who).rules.limits if limit.kind != "profit_target"]
        own = [limit for limit in own if not (limit.kind == "daily_loss" and rules[0].get("severity") == "warn")]
        assert risk.floor.room_minor == min(limit.distance_minor for limit in own)
        row = with_room(accounts_query()).get(pk=account.pk)
        assert row.room * risk.initial_minor <= risk.floor.room_minor


def test_accounts_come_by_what_is_left_whatever_was_warned_of():
    # 500 shares lose 1,500 of 5,000, 900 lose 2,700: the first is nearer to its next warning than to any floor.
    made = live(500, 0, 900, 700)
    rows = with_room(accounts_query().filter(status="active"))
    wanted = [account.pk for account, _ in sorted(made, key=lambda pair: room_of(*pair))]
    assert risk_order(rows, 4) == wanted
    assert risk_order(rows, 1)[0] == wanted[0]
    assert [row.pk for row, _ in riskiest(2)] == wanted[:2]
    listed = staff().get("/admin/propfirm/propaccount/", {"o": "6"}).context["cl"].result_list
    assert [row.pk for row in listed] == wanted
    assert listed[0].risk.floor.room_minor == room_of(*made[2])


def test_an_account_that_ended_has_no_floor_and_no_risk():
    [(account, _)] = live(900, bars=FALL)
    account.refresh_from_db()
    trading = make.phase_of(account).trading_account_id
    assert (account.status, risks_of([trading])[trading].floor) == ("failed", None)
    assert riskiest(5) == []
    assert breach_counts(day_begin()) == {"fail": 1, "expired": 0, "soft": 0}
    found = census()
    assert (found.statuses, found.total) == (("Failed",), (1,))


def funded(profit=2_000, **payout):
    """A funded account with so much profit in its balance, and its owner."""
    market = make.market({"AAA": [(100, 100, 100, 100), (104, 104, 104, 104), (104, 104, 104, 104)]})
    plan = make.plan(market, steps="instant", funded=[make.DAILY, make.MOST, {**make.PAYOUT, **payout}])
    account, who = make.prop_account(plan, payable(0))
    make.trade(account, who, "buy", profit // 4)
    advance(market.id, 4)
    make.trade(account, who, "sell", profit // 4)
    advance(market.id)
    return account, who


def test_what_may_be_asked_for_is_what_the_rules_pay():
    account, who = funded()
    held, _ = funded(first_after_days=30)
    [owed] = liability_now()
    assert (owed.of, owed.counted, owed.in_profit, owed.ready) == (2, 2, 2, 1)
    assert (owed.now_minor, owed.accrued_minor) == (1_600_00, 3_200_00)
    payout = payout_request(actor=who, number=account.number, amount_minor=None, idempotency_key="k")
    [waiting] = payouts_waiting()
    assert (waiting.count, waiting.trader_minor, waiting.currency) == (1, payout.trader_minor, "USD")
    assert payout.trader_minor == owed.now_minor
    assert held.status == "funded"


def test_a_plan_is_counted_by_what_became_of_its_accounts():
    market = make.market(FALL)
    plan = make.plan(market)
    made = [make.prop_account(plan) for _ in range(3)]
    make.trade(*made[0], "buy", 900)
    advance(market.id, 4)
    make.deliver()
    PropAccount.objects.filter(pk=made[2][0].pk).update(status="void")
    [row] = [item for item in plan_economics() if item.plan_id == plan.pk]
    assert (row.begun, row.sold, row.live) == (3, 2, 1)
    assert row.conversion == Share(2, 3)
    [step] = row.phases
    assert (step.passed, step.running) == (Share(0, 1), 2)
    assert (row.fees_minor, row.paid_minor, row.margin_minor) == (300_00, 0, 300_00)
    assert (row.funded_share, row.break_even_minor) == (Share(0, 2), 0)


def test_pages_ask_as_much_for_many_accounts_as_for_few():
    client, counts = staff(), []
    for _ in range(2):
        live(0, 500, 900)
        funded()
        counts.append([queries(client, url) for url in ("dashboard", "propaccount/?o=6", "propplan/")])
    few, many = counts
    # Each market of funded accounts is asked for its time.
    assert many[0] - few[0] <= 1
    assert many[1:] == few[1:]
    assert many[0] <= 45, many
    assert many[1] <= 30, many


def queries(client, url):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(f"/admin/propfirm/{url}").status_code == 200
    return len(asked)
