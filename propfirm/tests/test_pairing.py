"""Accounts of the firm that copy or mirror each other are found, once, and people decide what it means."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from core.models import AuditEntry
from marketdata.selectors import market_clock
from propfirm.models import PropFinding
from propfirm.services.findings import finding_decide
from propfirm.services.pairing import pairing_scan
from propfirm.tests import factories as make
from trading.models import Fill, Order
from trading.tests import factories as trading

pytestmark = pytest.mark.django_db


def traded(accounts, plans, market):
    """Rows of orders that filled: (which account, symbol, side, seconds) each, before the market's time of now."""
    from marketdata import selectors

    listings = selectors.listings(market.id)
    now = market_clock(market.id).at
    orders, fills = [], []
    for number, (who, symbol, side, seconds) in enumerate(plans, start=50_000_000):
        at = now - timedelta(days=2) + timedelta(seconds=seconds)
        common = {
            "account_id": make.phase_of(accounts[who]).trading_account_id,
            "listing_id": listings[symbol].id,
            "side": "buy" if side > 0 else "sell",
            "quantity": 1,
        }
        orders.append(
            Order(
                id=number, symbol=listings[symbol].symbol, type="market", time_in_force="day", filled_quantity=1,
                average_price=100, status="filled", source="web", role="", accepted_tick=0, created_at=at, **common,
            )
        )  # fmt: skip
        quote = {"tick": 0, "last": "100", "volume": 1_000_000}
        fills.append(
            Fill(
                id=number, order_id=number, price=100, notional_minor=10_000, fee_minor=0, realized_minor=0,
                cash_after_minor=0, quote=quote, market_at=at, created_at=at, **common,
            )
        )  # fmt: skip
    with transaction.atomic():
        Order.objects.bulk_create(orders)
        Fill.objects.bulk_create(fills)


def steady(who, shift, flip=1):
    return [(who, turn % 2, (1 if turn % 3 else -1) * flip, turn * 700 + shift) for turn in range(14)]


def test_copies_and_hedges_are_found_once_and_stay_decided():
    market = make.market({"AAA": [make.FLAT] * 3, "BBB": [make.FLAT] * 3})
    plan = make.plan(market, max_accounts=10)
    owner = trading.user()
    accounts = [make.prop_account(plan, owner)[0], make.prop_account(plan, owner)[0],
                *(make.prop_account(plan)[0] for _ in range(2))]  # fmt: skip
    apart = [(3, turn % 2, 1, turn * 700 + 350) for turn in range(14)]
    traded(accounts, [*steady(0, 0), *steady(1, 2), *steady(2, 1.5, flip=-1), *apart], market)
    assert pairing_scan().new == 3
    rows = {(row.kind, row.left_id, row.right_id): row for row in PropFinding.objects.all()}
    copied = rows["copy", accounts[0].pk, accounts[1].pk]
    hedged = rows["opposite", accounts[0].pk, accounts[2].pk]
    assert copied.evidence["same_owner"] is True
    assert hedged.evidence["same_owner"] is False
    assert {match["symbol"] for match in copied.evidence["matches"]} == {"AAA", "BBB"}
    assert not any(accounts[3].pk in key for key in rows)
    moderator = trading.user(role="moderator", is_staff=True)
    finding_decide(actor=moderator, finding_id=copied.pk, status="dismissed", reason="Both are theirs.")
    again = pairing_scan()
    assert (again.new, again.reopened) == (0, 0)
    copied.refresh_from_db()
    assert copied.status == "dismissed"


def test_a_pair_has_one_finding_wherever_it_traded_and_comes_back_in_the_trail():
    market = make.market({"AAA": [make.FLAT] * 3, "BBB": [make.FLAT] * 3})
    plan = make.plan(market, max_accounts=10)
    accounts = [make.prop_account(plan)[0] for _ in range(2)]
    traded(accounts, [*steady(0, 0), *steady(1, 2)], market)
    assert pairing_scan().new == 1
    row = PropFinding.objects.get()
    PropFinding.objects.update(
        market_id=make.market({"ZZZ": [make.FLAT] * 2}).id, status="dismissed", score=row.score - Decimal("0.2")
    )
    scanned = pairing_scan()
    assert (scanned.new, scanned.reopened) == (0, 1)
    row.refresh_from_db()
    assert (row.status, row.market_id) == ("open", market.id)
    told = AuditEntry.objects.get(action="prop_finding.reopened")
    assert (told.subject_id, told.actor_label) == (str(row.pk), "system")
