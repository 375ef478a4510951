"""Writes about users, and the operator pages."""

import pytest
from django.contrib.auth import SESSION_KEY
from django.urls import reverse

from accounts.models import User
from accounts.services import suspension, users
from accounts.tests.factories import UserFactory
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.tests.threads import race

pytestmark = pytest.mark.django_db


def topics():
    return list(OutboxEvent.objects.order_by("pk").values_list("topic", flat=True))


def test_an_agent_has_no_password():
    agent = users.user_create(email="bot@agents.arena", password=None, display_name="Bot", kind="agent")
    assert agent.kind == "agent"
    assert not agent.has_usable_password()
    with pytest.raises(Invalid):
        users.user_create(email="x@example.com", password=None, display_name="X Y")


@pytest.mark.django_db(transaction=True)
def test_racing_sign_ups_make_one_user():
    def act(_):
        return users.user_create(email="same@example.com", password="correct-horse", display_name="Same")

    results = race(4, act)
    assert sum(isinstance(result, User) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3
    assert topics() == ["accounts.user_created"]


def test_suspension_and_reinstatement_are_told_and_recorded():
    operator, user = UserFactory(display_name="Op", role="moderator"), UserFactory()
    suspension.user_suspend(actor=operator, user_id=user.pk, reason=" cheating ", ip="10.0.0.1")
    user.refresh_from_db()
    assert (user.status, user.suspended_reason, user.token_version) == ("suspended", "cheating", 1)
    suspension.user_suspend(actor=operator, user_id=user.pk, reason="again")
    suspension.user_reinstate(actor=operator, user_id=user.pk, reason="appeal")
    suspension.user_reinstate(actor=operator, user_id=user.pk, reason="again")
    user.refresh_from_db()
    assert (user.status, user.suspended_reason, user.token_version) == ("active", "", 2)
    assert topics() == ["accounts.user_suspended", "accounts.user_reinstated"]
    first, second = AuditEntry.objects.order_by("pk")
    assert (first.actor_id, first.actor_label, first.action) == (operator.pk, "Op", "user_suspended")
    assert (first.before["status"], first.after) == ("active", {"status": "suspended", "until": None})
    assert (first.reason, first.ip, first.subject_id) == ("cheating", "10.0.0.1", str(user.pk))
    assert second.reason == "appeal"


def test_suspension_has_its_limits():
    user = UserFactory()
    with pytest.raises(Invalid):
        suspension.user_suspend(actor=None, user_id=user.pk, reason=" ")
    with pytest.raises(Forbidden):
        suspension.user_suspend(actor=user, user_id=user.pk, reason="me")
    with pytest.raises(NotFound):
        suspension.user_suspend(actor=None, user_id=0, reason="who")
    assert topics() == []


@pytest.fixture
def boss(client):
    boss = User.objects.create_superuser("boss@example.com", "pw")
    client.force_login(boss)
    return boss


CHANGELIST = "admin:accounts_user_changelist"


def act(client, name, *people, reason="because"):
    data = {"action": name, "_selected_action": [person.pk for person in people], "reason": reason}
    return client.post(reverse(CHANGELIST), data, follow=True)


def test_operators_suspend_and_reinstate_with_a_reason(client, boss):
    user = UserFactory()
    assert b"Say why" in act(client, "suspend", user, reason="").content
    user.refresh_from_db()
    assert user.status == "active"
    act(client, "suspend", user)
    user.refresh_from_db()
    assert user.status == "suspended"
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.reason, entry.ip) == (boss.pk, "because", "127.0.0.1")
    act(client, "reinstate", user)
    user.refresh_from_db()
    assert user.status == "active"


def test_roles_are_changed_by_administrators_only(client, boss):
    user = UserFactory()
    act(client, "make_moderator", user)
    user.refresh_from_db()
    assert (user.role, user.is_staff, user.is_superuser) == ("moderator", True, False)
    assert user.is_operator
    assert not user.is_admin
    act(client, "make_trader", user)
    user.refresh_from_db()
    assert (user.role, user.is_staff) == ("trader", False)


def test_no_password_hash_is_shown_and_nothing_is_editable(client, boss):
    user = UserFactory()
    page = client.get(reverse("admin:accounts_user_change", args=[user.pk]))
    assert page.status_code == 200
    assert user.password not in page.content.decode()
    assert b'name="_save"' not in page.content
    assert client.get(reverse("admin:accounts_user_add")).status_code == 403


@pytest.mark.parametrize("path", ["", "accounts/user/", "core/journal/", "core/outboxevent/"])
def test_others_do_not_get_in(client, path):
    client.force_login(UserFactory())
    response = client.get(f"/admin/{path}")
    assert response.status_code in (302, 403)
    assert SESSION_KEY in client.session


CORE = ["ledgeraccount", "journal", "posting", "seal", "outboxevent", "idempotencyrecord", "auditentry"]


@pytest.mark.parametrize("model", CORE)
def test_the_books_are_read_only_for_operators(client, boss, model):
    assert client.get(reverse(f"admin:core_{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:core_{model}_add")).status_code == 403


def test_an_operator_revives_a_dead_event(client, boss):
    event = OutboxEvent.objects.create(topic="t", aggregate="a", payload={}, status="dead", attempts=12)
    data = {"action": "retry", "_selected_action": [event.pk], "reason": "fixed"}
    client.post(reverse("admin:core_outboxevent_changelist"), data)
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("pending", 1)
    assert AuditEntry.objects.get().reason == "fixed"
