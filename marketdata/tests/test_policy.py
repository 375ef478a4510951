"""What an exchange's prices may be used for, and the refusal in words."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import Invalid
from marketdata.domain.policy import Policy, Use, refusal
from marketdata.services.feed.follow import public
from marketdata.services.policy import market_policy_require
from marketdata.tests.factories import InstrumentFactory, bars_create, replay_market
from marketdata.tests.live import exchanges, live_market, simulated

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
INDIA = Policy("NSE", allows_money=False, lag_minutes=43_200, live_by="own_broker", reason="Exchange terms.")


@pytest.mark.parametrize(
    ("policy", "use", "said"),
    [
        (None, Use(True, None), None),
        (INDIA, Use(True, NOW - timedelta(days=400)), "may not be used with entry fees or prizes"),
        (INDIA, Use(False, None), "on the person's own broker link only"),
        (INDIA, Use(False, NOW - timedelta(days=29)), "at least 30 days old"),
        (INDIA, Use(False, NOW - timedelta(days=30)), None),
        (Policy("US", True, 0, "anyone", ""), Use(True, None), None),
        (Policy("LAG", True, 15, "anyone", ""), Use(False, None), "at least 15 minutes old"),
        (Policy("X", True, 0, "nobody", "Not ours."), Use(False, None), "to nobody. Not ours."),
    ],
)
def test_a_use_is_allowed_or_refused_with_the_reason(policy, use, said):
    words = refusal(policy, use, NOW)
    assert words is None if said is None else said in words


@pytest.mark.django_db(transaction=True)
def test_the_policies_of_every_exchange_that_a_market_lists_are_asked():
    exchanges()
    stock = InstrumentFactory(symbol="INDIA", exchange="BSE", currency="INR")  # BSE keeps NSE's policy
    bars_create(stock, [(100, 101, 99, 100)] * 2, dates=[date(2026, 6, 1), date(2026, 6, 2)])
    market = replay_market({"INDIA": [(100, 101, 99, 100)] * 2}, running=False, start="2026-06-01", end="2026-06-02")
    market_policy_require(market_id=market.id, money=False, now=NOW)
    with pytest.raises(Invalid) as refused:
        market_policy_require(market_id=market.id, money=True, now=NOW)
    assert (refused.value.code, refused.value.details["exchange"]) == ("market_policy", "BSE")
    with pytest.raises(Invalid, match="30 days"):
        market_policy_require(market_id=market.id, money=False, now=datetime(2026, 6, 20, tzinfo=UTC))


@pytest.mark.django_db(transaction=True)
def test_live_prices_of_an_indian_exchange_are_not_for_contests():
    exchanges()
    stock = InstrumentFactory(symbol="INDIA", exchange="NSE", currency="INR")
    market = live_market(stock, exchange="NSE")
    with pytest.raises(Invalid, match="own broker link"):
        market_policy_require(market_id=market.id, money=False)


@pytest.mark.django_db(transaction=True)
def test_browsers_are_told_live_prices_only_of_exchanges_that_allow_it():
    exchanges()
    indian = InstrumentFactory(symbol="INDIA", exchange="NSE", currency="INR")
    american, invented = InstrumentFactory(symbol="AMER", exchange="NASDAQ"), simulated("SIMA")[0]
    assert public({indian.pk, american.pk, invented.pk, 10**9}) == {american.pk, invented.pk}
    assert public(set()) == set()


@pytest.mark.django_db(transaction=True)
def test_the_simulated_exchange_is_free_for_all():
    market_policy_require(market_id=live_market(*simulated("SIMA")).id, money=True)
