"""Suspending people, and letting them back in."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import Notification, User
from accounts.services import suspension
from accounts.services.roles import roles_sync
from accounts.tasks.people import suspensions_lift
from accounts.tests.factories import PASSWORD, UserFactory
from core.errors import Forbidden, Invalid
from core.models import AuditEntry
from core.tests.threads import race

pytestmark = pytest.mark.django_db


def soon(**more):
    return datetime.now(tz=UTC) + timedelta(**more)


def test_a_suspension_with_an_end_says_so_and_ends_by_itself(client):
    user = UserFactory()
    until = soon(hours=2)
    suspension.user_suspend(actor=None, user_id=user.pk, reason="Spam in the chat.", until=until)
    answer = client.post("/api/v1/auth/token", {"email": user.email, "password": PASSWORD}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "account_suspended")
    assert answer.json()["details"] == {"until": until.isoformat(), "reason": "Spam in the chat."}
    words = f"Your account is suspended until {until:%d %B %Y, %H:%M} UTC. Reason: Spam in the chat."
    assert answer.json()["message"] == words
    suspensions_lift()
    user.refresh_from_db()
    assert user.status == "suspended"
    User.objects.update(suspended_until=soon(seconds=-1))
    suspensions_lift()
    user.refresh_from_db()
    assert (user.status, user.suspended_until, user.suspended_reason) == ("active", None, "")
    assert list(AuditEntry.objects.filter(subject_type="user").order_by("pk").values_list("action", flat=True)) == [
        "user_suspended",
        "user_reinstated",
    ]


def test_the_person_is_told_what_and_why():
    user = UserFactory()
    suspension.user_suspend(actor=None, user_id=user.pk, reason="Two accounts.")
    suspension.user_reinstate(actor=None, user_id=user.pk, reason="They were siblings.")
    told = list(Notification.objects.filter(user=user).order_by("pk").values_list("kind", "title", "body"))
    assert told == [
        ("account_suspended", "Your account is suspended", "Two accounts."),
        ("account_suspended", "Your account is reinstated", "They were siblings."),
    ]


def test_another_end_replaces_the_one_before():
    user = UserFactory()
    first, second = soon(hours=1), soon(hours=5)
    for until in (first, first, second, None):
        suspension.user_suspend(actor=None, user_id=user.pk, reason="r", until=until)
    user.refresh_from_db()
    assert user.suspended_until is None
    assert AuditEntry.objects.filter(action="user_suspended").count() == 3


def test_who_may_suspend_whom():
    trader, moderator, admin = UserFactory(), UserFactory(role="moderator", is_staff=True), UserFactory(role="admin")
    User.objects.filter(pk=admin.pk).update(is_staff=True)
    finance, other = UserFactory(role="finance", is_staff=True), UserFactory()
    for actor, victim in ((trader, other), (finance, other), (moderator, moderator), (moderator, admin)):
        with pytest.raises(Forbidden):
            suspension.user_suspend(actor=actor, user_id=victim.pk, reason="r")
    assert not AuditEntry.objects.exists()
    suspension.user_suspend(actor=moderator, user_id=other.pk, reason="r")
    suspension.user_suspend(actor=admin, user_id=moderator.pk, reason="r")
    assert User.objects.filter(status="suspended").count() == 2


def test_an_end_in_the_past_is_refused():
    with pytest.raises(Invalid):
        suspension.user_suspend(actor=None, user_id=UserFactory().pk, reason="r", until=soon(seconds=-5))


@pytest.mark.django_db(transaction=True)
def test_two_moderators_at_once_suspend_once():
    user = UserFactory()
    race(4, lambda _: suspension.user_suspend(actor=None, user_id=user.pk, reason="r"))
    assert AuditEntry.objects.filter(action="user_suspended").count() == 1


def test_a_moderator_suspends_in_the_admin(client):
    moderator, user = UserFactory(role="moderator", is_staff=True), UserFactory()
    roles_sync()
    client.force_login(moderator)
    data = {"action": "suspend", "_selected_action": [user.pk], "reason": "spam", "until": "2099-01-01T10:00"}
    client.post(reverse("admin:accounts_user_changelist"), data)
    user.refresh_from_db()
    assert (user.status, user.suspended_until) == ("suspended", datetime(2099, 1, 1, 10, tzinfo=UTC))
    client.post(reverse("admin:accounts_user_changelist"), data | {"until": "soon", "_selected_action": [user.pk]})
    user.refresh_from_db()
    assert user.suspended_until == datetime(2099, 1, 1, 10, tzinfo=UTC)


def test_a_moderator_suspends_over_the_api(client):
    moderator, user = UserFactory(role="moderator", is_staff=True), UserFactory()
    client.force_login(moderator)
    place = f"/api/v1/users/{user.pk}"
    answer = client.post(f"{place}/suspend", {"reason": "spam", "until": "2099-01-01T00:00Z"}, "application/json")
    assert (answer.status_code, answer.json()["status"]) == (200, "suspended")
    assert client.post(f"{place}/suspend", {}, "application/json").status_code == 400
    assert client.post(f"{place}/reinstate", {"reason": "ok"}, "application/json").json()["status"] == "active"
    assert client.post("/api/v1/users/0/suspend", {"reason": "r"}, "application/json").status_code == 404
