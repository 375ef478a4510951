"""Leaving: asked for, taken back, carried out; what is erased and what stays."""

from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import (
    Consent,
    DataExport,
    DeletionRequest,
    IdentityCheck,
    IdentityDocument,
    Notification,
    Profile,
    SignIn,
    User,
)
from accounts.services import deletion
from accounts.services.tokens import tokens_issue
from accounts.services.users import user_create
from accounts.tasks import privacy as tasks
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.people import canaries, files_in, person, proved
from core.errors import Denied, NotFound
from core.models import AuditEntry, OutboxEvent
from core.services import outbox
from core.tests.threads import race

pytestmark = pytest.mark.django_db
PAGE = "/settings/privacy"


@pytest.fixture(autouse=True)
def _files(monkeypatch, tmp_path):
    files_in(monkeypatch, tmp_path)


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com")


def due(user: User) -> int:
    """A deletion whose day has come."""
    view = deletion.deletion_request(user_id=user.pk, actor=user)
    DeletionRequest.objects.filter(pk=view.id).update(due_at=timezone.now() - timedelta(seconds=1))
    return view.id


def everything() -> dict[str, str]:
    """Every text in every table of the database but the audit trail, which keeps what it says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'core_auditentry'")
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM \"{name}\" t")
            found[name] = cursor.fetchone()[0]
    return found


def places(value: str) -> set[str]:
    """The tables in which a text stands."""
    return {name for name, texts in everything().items() if value in texts}


def bearer(user) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {tokens_issue(user=user).access}"}


def deliver() -> None:
    OutboxEvent.objects.update(next_at=timezone.now() - timedelta(days=1))
    outbox.drain()


# ---- Asked for and taken back ----


def test_asking_waits_tells_and_records(user):
    view = deletion.deletion_request(user_id=user.pk, actor=user, ip="203.0.113.5")
    assert timedelta(days=29, hours=23) < view.due_at - timezone.now() <= timedelta(days=30)
    assert deletion.deletion_request(user_id=user.pk, actor=user).id == view.id
    notice = Notification.objects.get(user=user, kind="deletion")
    assert "will be deleted on" in notice.title
    assert "Settings, Privacy" in notice.body
    entry = AuditEntry.objects.get(action="deletion_requested")
    assert (entry.actor_id, entry.ip) == (user.pk, "203.0.113.5")
    assert deletion.deletions_carry_out() == 0
    user.refresh_from_db()
    assert (user.is_active, user.email) == (True, "ann@example.com")


def test_taking_it_back(user):
    view = deletion.deletion_request(user_id=user.pk, actor=user)
    assert deletion.deletion_cancel(user_id=user.pk, actor=user)
    assert not deletion.deletion_cancel(user_id=user.pk, actor=user)
    row = DeletionRequest.objects.get(pk=view.id)
    assert row.status == "cancelled"
    DeletionRequest.objects.update(due_at=timezone.now() - timedelta(days=1))
    assert deletion.deletions_carry_out() == 0
    assert deletion.deletion_request(user_id=user.pk, actor=user).id != view.id
    assert [n.title for n in Notification.objects.filter(user=user).order_by("pk")][1] == "Your account stays"


def test_a_reminder_three_days_before_once(user):
    view = deletion.deletion_request(user_id=user.pk, actor=user)
    assert deletion.deletions_remind() == 0
    DeletionRequest.objects.filter(pk=view.id).update(due_at=timezone.now() + timedelta(days=2, hours=23))
    # As if it had been asked for a month ago.
    DeletionRequest.objects.filter(pk=view.id).update(requested_at=timezone.now() - timedelta(days=27))
    assert deletion.deletions_remind() == 1
    assert deletion.deletions_remind() == 0
    assert Notification.objects.filter(user=user, kind="deletion").count() == 2


def test_who_runs_the_platform_hands_the_role_over_first():
    for fields in ({"role": "moderator"}, {"role": "finance"}, {"is_staff": True}, {"is_superuser": True}):
        with pytest.raises(Denied) as refused:
            deletion.deletion_request(user_id=UserFactory(**fields).pk)
        assert refused.value.code == "role_held"
    agent = user_create(email="bot@agents.invalid", password=None, display_name="Bot", kind="agent")
    with pytest.raises(Denied) as refused:
        deletion.deletion_request(user_id=agent.pk)
    assert refused.value.code == "not_a_person"
    with pytest.raises(NotFound):
        deletion.deletion_request(user_id=0)


def test_what_must_be_settled_first_keeps_the_person(user, monkeypatch):
    from accounts import ports

    request_id, other = due(user), due(UserFactory())
    monkeypatch.setattr(
        ports, "_checks", {"payouts": lambda _: ports.Obstacle("payout_open", "A payout is on its way.")}
    )
    assert deletion.deletions_carry_out() == 0
    with pytest.raises(Denied) as refused:
        deletion.deletion_carry_out(request_id=request_id)
    assert refused.value.code == "payout_open"
    assert DeletionRequest.objects.get(pk=request_id).status == "waiting"
    monkeypatch.setattr(ports, "_checks", {})
    assert deletion.deletions_carry_out() == 2
    assert DeletionRequest.objects.get(pk=other).status == "done"


def test_one_that_fails_keeps_nobody_else_waiting(monkeypatch):
    first, second = UserFactory(), UserFactory()
    due(first)
    due(second)
    erase = deletion._erase_in_tx

    def broken(user):
        if user.pk == first.pk:
            raise RuntimeError("no")
        erase(user)

    monkeypatch.setattr(deletion, "_erase_in_tx", broken)
    assert deletion.deletions_carry_out() == 1
    first.refresh_from_db()
    assert first.is_active
    monkeypatch.undo()
    assert deletion.deletions_carry_out() == 1


# ---- Carried out ----


def test_nothing_that_identifies_the_person_is_left():
    ann, bob = person("ann"), person("bob")
    for name, value in canaries("ann").items():
        assert places(value), name
    request_id = due(ann)
    assert deletion.deletion_carry_out(request_id=request_id)
    for name, value in canaries("ann").items():
        # A handle given up stays out of reach for others for a while, so it is kept that long.
        assert places(value) <= ({"accounts_handleclaim"} if name == "handle" else set()), name
    for name, value in canaries("bob").items():
        assert places(value), name
    bob.refresh_from_db()
    assert bob.is_active


def test_what_is_left_of_the_person():
    ann = person("ann")
    version = ann.token_version
    deletion.deletion_carry_out(request_id=due(ann))
    ann.refresh_from_db()
    assert (ann.email, ann.display_name, ann.handle) == (f"deleted-{ann.pk}@deleted.invalid", "Deleted user", None)
    assert (ann.is_active, ann.has_usable_password(), ann.clearance) == (False, False, 0)
    assert ann.anonymised_at is not None
    assert ann.token_version > version
    profile = Profile.objects.get(pk=ann.pk)
    assert (profile.bio, profile.phone, profile.birth_date, profile.country, profile.avatar.name) == (
        "",
        "",
        None,
        "",
        "",
    )
    consent = Consent.objects.get(user=ann)
    assert (consent.ip, consent.user_agent) == (None, "")
    check = IdentityCheck.objects.get(user=ann)
    assert (check.legal_name, check.status) == ("", "expired")
    assert not SignIn.objects.filter(user=ann).exists()
    assert DeletionRequest.objects.filter(user=ann, status="done").count() == 1
    assert AuditEntry.objects.filter(action="person_anonymised", subject_id=str(ann.pk)).count() == 1
    assert AuditEntry.objects.filter(action="profile_changed", actor_id=ann.pk).count() == 1
    assert OutboxEvent.objects.get(topic="accounts.user_anonymised").payload == {"user_id": ann.pk}


def test_the_files_go_once_it_is_certain(monkeypatch):
    ann = person("ann")
    kept = [
        ("default", Profile.objects.get(pk=ann.pk).avatar.name),
        ("private", IdentityDocument.objects.get(check_of__user=ann).file.name),
        ("private", DataExport.objects.get(user=ann).file.name),
    ]
    monkeypatch.setattr(tasks.files_delete, "delay", tasks.files_delete.run)
    monkeypatch.setattr(tasks.deletion_aftermath, "delay", tasks.deletion_aftermath.run)
    deletion.deletion_carry_out(request_id=due(ann))
    assert all(storages[where].exists(name) for where, name in kept)
    deliver()
    assert not any(storages[where].exists(name) for where, name in kept)
    # Told twice, it does nothing more.
    deletion.files_delete(storage="private", names=[name for _, name in kept])


def test_nobody_signs_in_as_a_deleted_person(client, user):
    headers = bearer(user)
    client.force_login(user)
    assert client.get(PAGE).status_code == 200
    deletion.deletion_carry_out(request_id=due(user))
    assert client.get(PAGE)["Location"].startswith("/sign-in")
    assert client.get("/api/v1/me/privacy", **headers).status_code == 401
    answer = client.post("/sign-in", {"email": "ann@example.com", "password": PASSWORD})
    assert answer.status_code == 422
    with pytest.raises(NotFound):
        deletion.deletion_request(user_id=user.pk)
    # The address is free again, for a person who starts afresh.
    again = user_create(email="ann@example.com", password=PASSWORD, display_name="Ann")
    assert again.pk != user.pk


def test_carrying_out_twice_changes_nothing(user):
    request_id = due(user)
    assert deletion.deletion_carry_out(request_id=request_id)
    user.refresh_from_db()
    at = user.anonymised_at
    assert not deletion.deletion_carry_out(request_id=request_id)
    assert not deletion.deletion_carry_out(request_id=request_id + 999)
    user.refresh_from_db()
    assert user.anonymised_at == at


@pytest.mark.django_db(transaction=True)
def test_two_workers_erase_a_person_once():
    ann = person("ann")
    request_id = due(ann)
    found = race(3, lambda _: deletion.deletion_carry_out(request_id=request_id))
    assert sorted(found) == [False, False, True]
    assert AuditEntry.objects.filter(action="person_anonymised").count() == 1


@pytest.mark.django_db(transaction=True)
def test_taken_back_at_the_last_moment_or_erased_but_never_half():
    ann = person("ann")
    request_id = due(ann)

    def act(index):
        if index:
            return deletion.deletion_cancel(user_id=ann.pk, actor=ann)
        return deletion.deletion_carry_out(request_id=request_id)

    erased, kept = race(2, act)
    assert erased != kept
    ann.refresh_from_db()
    assert (ann.anonymised_at is not None) == erased
    assert DeletionRequest.objects.get(pk=request_id).status == ("done" if erased else "cancelled")
    assert SignIn.objects.filter(user=ann).exists() == kept


# ---- Pages and API ----


def test_the_page_wants_proof_and_a_word(client, user):
    client.force_login(user)
    assert client.get(f"{PAGE}/delete")["Location"].startswith("/reauthenticate")
    assert client.post(f"{PAGE}/delete", {"confirm": "delete"})["Location"].startswith("/reauthenticate")
    proved(client, user)
    page = client.get(f"{PAGE}/delete").content.decode()
    assert "Stays, without your name" in page
    refused = client.post(f"{PAGE}/delete", {"confirm": "<b>no"})
    assert refused.status_code == 422
    assert "or your email address, to confirm" in refused.content.decode()
    assert "&lt;b&gt;no" in refused.content.decode()
    assert not DeletionRequest.objects.exists()
    assert client.post(f"{PAGE}/delete", {"confirm": " Ann@Example.com "}).status_code == 302
    page = client.get(PAGE).content.decode()
    assert "Keep my account" in page
    assert "Delete my account" not in page
    assert client.get(f"{PAGE}/delete").status_code == 302
    assert client.post(f"{PAGE}/keep").status_code == 302
    assert "Delete my account" in client.get(PAGE).content.decode()


def test_a_refusal_shows_on_the_page(client):
    staff = UserFactory(role="moderator", is_staff=True)
    refused = proved(client, staff).post(f"{PAGE}/delete", {"confirm": "delete"})
    assert refused.status_code == 422
    assert "take your role away" in refused.content.decode()


def test_signing_in_tells_that_the_account_is_to_be_deleted(client, user):
    deletion.deletion_request(user_id=user.pk, actor=user)
    client.force_login(user)
    assert client.session["deletion_due"].split()[-1].isdigit()
    assert "Your account will be deleted on" in client.get(PAGE).content.decode()
    client.post(f"{PAGE}/keep")
    assert "deletion_due" not in client.session


def test_the_api(client, user):
    url = "/api/v1/me/privacy/deletion"
    headers = bearer(user)

    def post(**body):
        return client.post(url, body, content_type="application/json", **headers)

    assert client.post(url, {}, content_type="application/json").status_code == 401
    assert post(password=PASSWORD).json()["code"] == "invalid"
    assert post(password=PASSWORD, confirm="yes").json()["code"] == "confirmation_needed"
    assert post(confirm="delete").json()["code"] == "proof_required"
    assert post(confirm="delete", password="no").json()["code"] == "password_wrong"
    made = post(confirm="delete", password=PASSWORD)
    assert made.status_code == 202
    assert client.get("/api/v1/me/privacy", **headers).json()["deletion"] == made.json()
    assert client.delete(url, **headers).status_code == 204
    gone = client.delete(url, **headers)
    assert (gone.status_code, gone.json()["code"]) == (404, "deletion_not_found")


# ---- Operators ----


def test_operators_act_with_a_reason(user, capsys):
    call_command("delete_person", str(user.pk), "--reason", "asked by letter")
    assert AuditEntry.objects.get(action="deletion_requested").reason == "asked by letter"
    call_command("delete_person", str(user.pk), "--reason", "changed their mind", "--cancel")
    assert AuditEntry.objects.get(action="deletion_cancelled").reason == "changed their mind"
    with pytest.raises(CommandError, match="Add --confirm"):
        call_command("delete_person", str(user.pk), "--reason", "x", "--now")
    with pytest.raises(CommandError, match="reason_needed"):
        call_command("delete_person", str(user.pk), "--reason", " ")
    with pytest.raises(CommandError, match="user_not_found"):
        call_command("delete_person", "0", "--reason", "x")
    call_command("delete_person", str(user.pk), "--reason", "a court said so", "--now", "--confirm", str(user.pk))
    user.refresh_from_db()
    assert user.anonymised_at is not None
    assert AuditEntry.objects.get(action="person_anonymised").reason == "a court said so"
    assert "is erased" in capsys.readouterr().out


def test_a_suspended_person_can_be_let_go(user):
    User.objects.filter(pk=user.pk).update(status="suspended", suspended_reason="a note about ann")
    assert deletion.deletion_now(user_id=user.pk, reason="asked by letter")
    user.refresh_from_db()
    assert (user.status, user.suspended_reason) == ("suspended", "")
