"""The operator pages of contests and agents."""

import pytest
from django.test import Client

from accounts.models import User
from contests import selectors
from contests.models import Contest, Participant, StandingSnapshot
from contests.tests.factories import contest, joined
from core.models import AuditEntry
from marketdata.services.ticks import market_step
from trading.tests.factories import user

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    made = Client()
    made.force_login(User.objects.create_superuser("boss@example.com", "pass-word-123"))
    return made


def test_actions_call_the_services_with_actor_and_reason(boss):
    view = contest()
    url, form = "/admin/contests/contest/", {"action": "pause", "_selected_action": [view.id]}
    boss.post(url, form)
    assert selectors.contest_by_id(view.id).status == "active", "no reason, no act"
    boss.post(url, {**form, "reason": "a look at the feed"})
    assert selectors.contest_by_id(view.id).status == "paused"
    entry = AuditEntry.objects.get(action="contest.paused")
    assert (entry.reason, entry.actor_label) == ("a look at the feed", "Administrator")
    assert boss.post(url, {**form, "action": "start", "reason": "go"}, follow=True).status_code == 200
    boss.post(url, {**form, "action": "end", "reason": "enough"})
    boss.post(url, {**form, "action": "resume", "reason": "not allowed any more"})
    assert selectors.contest_by_id(view.id).status == "ended"
    boss.post(url, {**form, "action": "feature"})
    assert selectors.contest_by_id(view.id).is_featured


def test_pages_show_and_nothing_is_edited(boss):
    view = contest()
    joined(view, display_name="Ada")
    contest_id = view.id
    market_step(market_id=view.market_id, ticks=4)
    pages = [(Contest, contest_id), (Participant, Participant.objects.get().pk)]
    pages += [(StandingSnapshot, StandingSnapshot.objects.get().pk)]
    for model, key in pages:
        base = f"/admin/contests/{model._meta.model_name}/"
        assert boss.get(base).status_code == 200
        shown = boss.get(f"{base}{key}/change/")
        assert shown.status_code == 200
        assert boss.get(f"{base}add/").status_code == 403
        assert boss.post(f"{base}{key}/delete/", {"post": "yes"}).status_code == 403
    for name in ("agent", "agentseat", "agentrun", "agentclock", "decision"):
        assert boss.get(f"/admin/ai_strategies/{name}/").status_code == 200


def test_others_are_refused():
    person = Client()
    person.force_login(user())
    assert person.get("/admin/contests/contest/").status_code == 302
