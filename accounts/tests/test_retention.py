"""What is kept no longer than it may be."""

import os
import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import DataExport, DeletionRequest, HandleClaim, IdentityCheck, IdentityDocument
from accounts.services import retention
from accounts.services.retention import Rule
from accounts.tasks import privacy as tasks
from accounts.tests.factories import UserFactory
from accounts.tests.people import files_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files(monkeypatch, tmp_path):
    files_in(monkeypatch, tmp_path)


def ago(**age):
    return timezone.now() - timedelta(**age)


def test_handles_given_up_are_forgotten_after_ninety_days():
    ann = UserFactory()
    HandleClaim.objects.create(skeleton="now", handle="now", user=ann)
    HandleClaim.objects.create(skeleton="young", handle="young", user=ann, released_at=ago(days=89))
    HandleClaim.objects.create(skeleton="old", handle="old", user=ann, released_at=ago(days=91))
    assert retention.retention_apply()["handles"] == 1
    assert set(HandleClaim.objects.values_list("handle", flat=True)) == {"now", "young"}


def test_sessions_that_have_expired_go():
    Session.objects.create(session_key="a", session_data="", expire_date=ago(minutes=1))
    Session.objects.create(session_key="b", session_data="", expire_date=timezone.now() + timedelta(hours=1))
    assert retention.retention_apply()["sessions"] == 1
    assert Session.objects.get().session_key == "b"


def test_that_something_was_asked_for_is_known_for_a_year():
    ann = UserFactory()
    DataExport.objects.create(user=ann, status="expired", requested_at=ago(days=364))
    DataExport.objects.create(user=ann, status="failed", requested_at=ago(days=366))
    for days in (364, 366):
        DeletionRequest.objects.create(user=ann, status="cancelled", due_at=ago(days=1), cancelled_at=ago(days=days))
    DeletionRequest.objects.create(user=ann, status="done", due_at=ago(days=999), done_at=ago(days=999))
    taken = retention.retention_apply()
    assert (taken["export_requests"], taken["deletion_cancelled"]) == (1, 1)
    assert DataExport.objects.get().status == "expired"
    assert DeletionRequest.objects.count() == 2


def test_documents_go_a_year_after_the_decision(settings):
    ann = UserFactory()
    names = []
    for days in (364, 366):
        check = IdentityCheck.objects.create(user=ann, status="approved", decided_at=ago(days=days))
        document = IdentityDocument(check_of=check, kind="front", content_type="image/png", size=1, sha256="0" * 64)
        document.file.save("x", ContentFile(b"a passport"), save=True)
        names.append(document.file.name)
    assert retention.retention_apply()["identity_documents"] == 1
    assert [storages["private"].exists(name) for name in names] == [True, False]
    assert IdentityDocument.objects.filter(purged_at__isnull=False, file="").count() == 1
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "identity_documents": 30}
    assert retention.retention_apply()["identity_documents"] == 1


def test_a_file_that_no_row_knows_goes_after_a_day():
    storage = storages["private"]
    known = DataExport(user=UserFactory(), status="ready", expires_at=timezone.now() + timedelta(days=1))
    known.file.save("x", ContentFile(b"x"), save=True)
    lost, fresh = (
        storage.save("exports/lost.zip", ContentFile(b"x")),
        storage.save("exports/new.zip", ContentFile(b"x")),
    )
    old = time.time() - 2 * 86_400
    for name in (known.file.name, lost):
        os.utime(storage.path(name), (old, old))
    assert retention.retention_apply()["export_orphans"] == 1
    assert [storage.exists(name) for name in (known.file.name, lost, fresh)] == [True, False, True]


def test_a_rule_that_fails_keeps_no_other_from_its_work(monkeypatch, capsys):
    monkeypatch.setattr(retention, "_rules", {})
    retention.rule_register(Rule("bad", "What breaks", "never", lambda: 1 // 0))
    retention.rule_register(Rule("good", "What works", "a day", lambda: 3))
    with pytest.raises(ValueError, match="two rules"):
        retention.rule_register(Rule("good", "", "", lambda: 0))
    assert retention.retention_apply() == {"bad": -1, "good": 3}
    tasks.retention_apply()
    with pytest.raises(CommandError, match="Not every rule"):
        call_command("apply_retention")
    call_command("apply_retention", "--list")
    assert "good: What works, after a day" in capsys.readouterr().out


def test_rows_go_in_bounded_steps(monkeypatch, django_assert_num_queries):
    ann = UserFactory()
    for _ in range(7):
        DataExport.objects.create(user=ann, status="expired")
    monkeypatch.setattr(retention, "MOST_BATCHES", 2)
    assert retention.delete_old(DataExport.objects.all(), batch=3) == 6
    assert DataExport.objects.count() == 1
