"""Operator pages: to look at, and audited actions on markets."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from accounts.services.users import user_create
from core.models import AuditEntry
from marketdata import selectors
from marketdata.models import BarSeries, CorporateAction, FxRate, Instrument, Listing, Market
from marketdata.tests.factories import bars_create, replay_market

pytestmark = pytest.mark.django_db
MODELS = [Instrument, BarSeries, CorporateAction, FxRate, Listing, Market]


def page(model, view="changelist", *args):
    return reverse(f"admin:marketdata_{model._meta.model_name}_{view}", args=args)


@pytest.fixture
def operator():
    user = get_user_model().objects.create_superuser(email="op@example.com", password="a long enough pass")
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", MODELS)
def test_pages_show_and_do_not_add_or_delete(operator, model):
    market = replay_market(ticks=1)
    instrument = Instrument.objects.get(symbol="AAA")
    CorporateAction.objects.create(instrument=instrument, kind="split", ex_date="2024-01-09", value=2)
    FxRate.objects.create(base="EUR", quote="USD", date="2024-01-09", rate=1, source="Test")
    assert operator.get(page(model)).status_code == 200
    row = model.objects.first()
    shown = operator.get(page(model, "change", row.pk))
    assert shown.status_code == 200
    assert operator.get(page(model, "add")).status_code == 403
    assert operator.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    if model is not Instrument:
        assert operator.post(page(model, "change", row.pk), {"symbol": "X"}).status_code == 403
    assert market.slug


def test_series_page_shows_the_last_bars(operator):
    replay_market()
    series = BarSeries.objects.get(instrument__symbol="AAA")
    assert "108.000000" in operator.get(page(BarSeries, "change", series.pk)).content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_others_are_refused(model):
    user = user_create(email="a@example.com", password="a long enough pass", display_name="Ann")
    client = Client()
    client.force_login(user)
    assert client.get(page(model)).status_code == 302
    assert client.get(page(model)).url.startswith("/admin/login")


def test_actions_need_a_reason_and_are_audited(operator):
    market = replay_market()
    send = {"action": "pause", "_selected_action": [market.id]}
    operator.post(page(Market), send)
    assert selectors.market_view(market.id).status == "running"
    operator.post(page(Market), {**send, "reason": "bad data"})
    assert selectors.market_view(market.id).status == "paused"
    entry = AuditEntry.objects.get(action="market.pause")
    assert entry.reason == "bad data"
    assert entry.actor_label
    for action, status in (("resume", "running"), ("start", "running"), ("end", "ended"), ("start", "ended")):
        operator.post(page(Market), {"action": action, "_selected_action": [market.id], "reason": "again"}, follow=True)
        assert selectors.market_view(market.id).status == status


def test_bars_have_a_composite_key_and_no_page_of_their_own():
    bars_create(Instrument.objects.create(symbol="ZZZ", name="Z", exchange="TEST"), [(1, 2, 1, 2)])
    from marketdata.models import DailyBar

    assert DailyBar._meta.is_composite_pk


def test_a_listing_is_halted_and_resumed_for_a_reason(operator):
    market = replay_market(ticks=1)
    row = Listing.objects.get(symbol="AAA")
    send = {"action": "halt", "_selected_action": [row.pk]}
    operator.post(page(Listing), send)
    assert not selectors.quote_get(market.id, "AAA").halted
    operator.post(page(Listing), {**send, "reason": "bad data"})
    assert selectors.quote_get(market.id, "AAA").halted
    assert AuditEntry.objects.get(action="listing.halt").actor_label
    operator.post(page(Listing), {**send, "action": "resume", "reason": "mended"})
    assert not selectors.quote_get(market.id, "AAA").halted
