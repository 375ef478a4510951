"""Payouts racing each other and orders, on real PostgreSQL connections."""

import pytest
from django.db import transaction

from core.errors import Conflict
from core.models import Journal
from marketdata.tests.factories import advance
from trading.domain import rules
from trading.models import Account, AccountRules, Fill, Verdict
from trading.services import rewards
from trading.tests import factories as make
from trading.tests.ruled import data, played, proved, ruled
from trading.tests.test_races import assert_sound, race
from trading.tests.test_rewards import DAILY, PAYOUT, withdraw

pytestmark = pytest.mark.django_db(transaction=True)
OPEN = PAYOUT | {"requires_flat": False, "requires_no_orders": False}


def winner():
    market = played({"AAA": [(100, 110, 100, 110), (110,) * 4, (110,) * 4]})
    account_id, who = ruled(market, OPEN, DAILY, cash="100000")
    make.place(who, account_id, "buy", 500)
    advance(market.id, 3)
    make.place(who, account_id, "sell", 500)
    return market, account_id, who


def test_one_reference_at_once_is_booked_once():
    _, account_id, _ = winner()
    results = race([lambda: withdraw(account_id, 1_000_00, "same")] * 4)
    refused = [result for result in results if isinstance(result, Exception)]
    assert [(type(item), item.code) for item in refused] == [(Conflict, "journal_exists")] * 3
    assert Journal.objects.filter(kind="payout").count() == 1
    assert Account.objects.get(pk=account_id).cash_minor == 104_000_00
    assert rules.RuleState.from_json(AccountRules.objects.get(pk=account_id).state).payouts == 1
    assert_sound()


def test_payouts_of_different_causes_never_take_more_than_the_profit():
    _, account_id, _ = winner()
    results = race([lambda number=number: withdraw(account_id, 2_000_00, f"p{number}") for number in range(4)])
    refused = [result.code for result in results if isinstance(result, Exception)]
    assert refused == ["payout_exceeds_profit"] * 2
    assert_sound()


def test_checks_while_orders_fill_and_the_market_moves():
    market, account_id, who = winner()

    def trade():
        for number in range(8):
            make.place(who, account_id, "buy", 5, key=f"b{number}")
            make.place(who, account_id, "sell", 5, key=f"s{number}")

    def check():
        for number in range(6):
            with transaction.atomic():
                rewards.payout_check_in_tx(account_id=account_id, facts=rules.PayoutFacts())
            rewards.payout_check(account_id=account_id, facts=rules.PayoutFacts())
            withdraw(account_id, 10_00, f"p{number}")

    results = race([trade, check, lambda: advance(market.id, 6)])
    assert [result for result in results if isinstance(result, Exception)] == []
    for row in Verdict.objects.all():
        proved(row)
        # Whatever was filling: cash, positions and state are of one moment.
        assert data(row)["evidence"]["inputs"]["observation"]["balance_minor"] % 1000 == 0
    assert Fill.objects.count() == 18
    assert_sound()
