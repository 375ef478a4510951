"""Pages of plans: the price as it will be, codes that do not work, and odds that are asked for too often."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.tests.factories import UserFactory
from core import throttling
from propfirm.models import Affiliate
from propfirm.services.purchases import ChallengeKind
from propfirm.tests import factories as make

pytestmark = pytest.mark.django_db
ADD_ON = {"code": "split-90", "name": "90 % for you", "price_percent": "12.5",
          "patches": [{"phase": "funded", "rule": "payout", "set": {"split_percent": "90"}}]}  # fmt: skip
ASKED = "odds=1&win_percent=50&payoff=1.5&trades_per_day=3&risk_percent=0.5"


@pytest.fixture
def plan():
    return make.plan(make.market(), add_ons=[ADD_ON])


def signed_in(user=None):
    client = Client()
    client.force_login(user or UserFactory())
    return client


def test_an_affiliates_code_lowers_the_price_by_what_the_checkout_takes_off(plan):
    buyer = UserFactory()
    Affiliate.objects.create(user=UserFactory(), code="FRIEND", commission_bp=1_000, discount_bp=1_500)
    answer = signed_in(buyer).get(f"/prop-firm/plans/{plan.code}?add_on=split-90&affiliate=friend")
    assert answer.status_code == 200
    reference, total = answer.context["reference"], answer.context["total_minor"]
    assert reference == f"{plan.code}+split-90/FRIEND"
    assert (answer.context["discount_minor"], total) == (1_688, 9_562)
    offer = ChallengeKind().offer(user_id=buyer.pk, reference=reference, params={}, currency="USD")
    assert offer.subtotal_minor == total
    bought = signed_in(buyer).get(f"/prop-firm/plans/{plan.code}?add_on=split-90&affiliate=friend&coupon=A%26B&buy=1")
    assert (bought.status_code, bought.url) == (302, f"/checkout/challenge/{reference}?coupon=A%26B")
    asked = f"/prop-firm/plans/{plan.code}?affiliate=friend&buy=1"
    part = signed_in(buyer).get(asked, headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"] == f"/checkout/challenge/{plan.code}/FRIEND"


@pytest.mark.parametrize("code", ["NOBODY", "mine", "a b", "é", "x" * 40])
def test_a_code_that_does_not_work_is_told_and_the_plan_can_be_bought_without_it(plan, code):
    user = UserFactory()
    Affiliate.objects.create(user=user, code="MINE", commission_bp=1_000)
    answer = signed_in(user).get(f"/prop-firm/plans/{plan.code}", {"affiliate": code})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in page
    again = signed_in(user).get(f"/prop-firm/plans/{plan.code}", {"affiliate": code, "buy": "1"})
    assert (again.status_code, 'aria-invalid="true"' in again.content.decode()) == (200, True)
    without = signed_in(user).get(f"/prop-firm/plans/{plan.code}", {"affiliate": "", "buy": "1"})
    assert without.url == f"/checkout/challenge/{plan.code}"


def test_a_character_that_no_database_takes_is_no_code(plan):
    client = signed_in()
    page = client.get(f"/prop-firm/plans/{plan.code}?affiliate=A%00B")
    assert (page.status_code, 'aria-invalid="true"' in page.content.decode()) == (200, True)
    checkout = client.get(f"/checkout/challenge/{plan.code}?coupon=A%00B")
    assert "There is no such coupon" in checkout.content.decode()


def test_odds_that_are_asked_for_too_often_are_refused_in_the_page(plan, monkeypatch):
    cache.clear()
    monkeypatch.setitem(throttling.ScopedThrottle.THROTTLE_RATES, "odds", "1/min")
    client = signed_in()
    for path in ("", "/odds"):
        assert client.get(f"/prop-firm/plans/{plan.code}{path}").status_code == 200
    assert client.get(f"/prop-firm/plans/{plan.code}/odds?{ASKED}").status_code == 200
    for path in ("", "/odds"):
        answer = client.get(f"/prop-firm/plans/{plan.code}{path}?{ASKED}")
        assert answer.status_code == 429
        assert "Too many" in answer.content.decode()
    assert client.get(f"/prop-firm/plans/{plan.code}").status_code == 200


def test_odds_that_make_no_sense_name_their_field(plan):
    answer = Client().get(f"/prop-firm/plans/{plan.code}/odds?{ASKED.replace('win_percent=50', 'win_percent=500')}")
    assert answer.status_code == 400
    assert 'id="odds-win_percent-problem"' in answer.content.decode()


def test_the_list_takes_the_same_statements_for_more_plans(django_assert_max_num_queries, plan):
    client = Client()
    client.get("/prop-firm")
    make.plan(make.market(), steps="two", size="50000")
    with django_assert_max_num_queries(4):
        page = client.get("/prop-firm").content.decode()
    assert page.count('<article class="prop-plan"') == 2
    assert client.get("/prop-firm?steps=two").content.decode().count('<article class="prop-plan"') == 1
