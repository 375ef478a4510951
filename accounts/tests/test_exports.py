"""Copies of data: what is in them, who gets them, and what happens when something breaks."""

import csv
import io
import json
import tempfile
import zipfile
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.adapters.archive import Archive
from accounts.models import DataExport, Notification
from accounts.services import exports
from accounts.services.tokens import tokens_issue
from accounts.tasks import privacy as tasks
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.people import SECRETS, canaries, files_in, person, proved
from core import throttling
from core.errors import Conflict, DomainError, NotFound
from core.models import AuditEntry, OutboxEvent
from core.redis import client as redis
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


def built(user) -> DataExport:
    view = exports.export_request(user_id=user.pk, actor=user)
    assert exports.export_build(export_id=view.id)
    return DataExport.objects.get(pk=view.id)


def contents(row: DataExport) -> dict[str, bytes]:
    with row.file.storage.open(row.file.name, "rb") as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rows(found: dict[str, bytes], table: str) -> list[dict]:
    return json.loads(found[f"data/{table}.json"])


def bearer(user) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {tokens_issue(user=user).access}"}


# ---- What is in it ----


def test_a_copy_has_everything_about_the_person_and_nothing_about_anybody_else():
    ann, bob = person("ann"), person("bob")
    found = contents(built(ann))
    whole = b"".join(found.values()).decode()
    for name, value in canaries("ann").items():
        assert value in whole, name
    for name, value in canaries("bob").items():
        assert value not in whole, name
    for secret in (*SECRETS, "canary-reviewers-note", ann.password, "203.0.113.99", "Sam Staff", bob.email):
        assert secret not in whole
    assert rows(found, "user")[0]["email"] == "ann@canary.example"
    assert rows(found, "consents")[0]["text__version"] == 901
    assert rows(found, "audit_about_you")[1]["reason"] == "ann-note-canary"
    assert [row["group__name"] for row in rows(found, "groups")] == ["a group"]
    assert found["files/avatar.webp"] == b"avatar of Ann Canary"
    assert [value for name, value in found.items() if name.startswith("files/identity/")] == [
        b"passport of Ann Maria Legal-Canary"
    ]
    assert b"files/avatar.webp" in found["README.txt"]


def test_json_and_csv_hold_the_same_rows():
    ann = person("ann")
    found = contents(built(ann))
    names = [name.removeprefix("data/").removesuffix(".json") for name in found if name.endswith(".json")]
    assert len(names) > 25
    for name in names:
        sheet = list(csv.DictReader(io.StringIO(found[f"data/{name}.csv"].decode())))
        exact = rows(found, name)
        assert len(sheet) == len(exact)
        for line, row in zip(sheet, exact, strict=True):
            assert list(line) == list(row)


def test_a_spreadsheet_runs_nothing_of_it():
    ann = UserFactory(display_name="=HYPERLINK(1)")
    found = contents(built(ann))
    sheet = next(csv.DictReader(io.StringIO(found["data/user.csv"].decode())))
    assert sheet["display_name"] == "'=HYPERLINK(1)"
    assert rows(found, "user")[0]["display_name"] == "=HYPERLINK(1)"


def test_an_archive_is_written_as_it_is_read():
    """The rows are never held together: each is seen in the file's growth before the last is made."""
    with tempfile.TemporaryFile() as file:
        sizes = []

        def many():
            for number in range(30_000):
                if number % 10_000 == 9_999:
                    sizes.append(file.seek(0, 2))
                yield {"id": number, "text": f"{number * 7919 % 1_000_003} not alike"}

        told = []
        with Archive(file, lambda: told.append(1)) as archive:
            assert archive.table("big", ("id", "text"), many()) == 30_000
        assert sizes == sorted(set(sizes))
        assert len(told) == 30_000
        with zipfile.ZipFile(file) as made:
            assert len(json.loads(made.read("data/big.json"))) == 30_000


# ---- Asking, building, telling ----


def test_asking_builds_tells_and_records():
    ann = UserFactory()
    view = exports.export_request(user_id=ann.pk, actor=ann, ip="203.0.113.5")
    assert (view.status, view.progress, view.is_open) == ("requested", 0, True)
    event = OutboxEvent.objects.get(topic="accounts.export_requested")
    assert event.payload == {"export_id": view.id}
    assert exports.export_build(export_id=view.id)
    row = DataExport.objects.get(pk=view.id)
    assert (row.status, row.progress) == ("ready", 100)
    assert row.size == row.file.size > 1_000
    assert timedelta(days=6, hours=23) < row.expires_at - timezone.now() <= timedelta(days=7)
    notice = Notification.objects.get(user=ann, kind="export_ready")
    assert "until" in notice.body
    entry = AuditEntry.objects.get(action="data_export_requested")
    assert (entry.actor_id, entry.subject_id, entry.ip) == (ann.pk, str(ann.pk), "203.0.113.5")


def test_one_at_a_time_and_three_a_day(user, monkeypatch):
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"exports": "3/day"})
    first = exports.export_request(user_id=user.pk)
    with pytest.raises(Conflict) as refused:
        exports.export_request(user_id=user.pk)
    assert refused.value.code == "export_open"
    for _ in range(2):
        exports.export_build(export_id=first.id)
        first = exports.export_request(user_id=user.pk)
    exports.export_build(export_id=first.id)
    with pytest.raises(DomainError) as limited:
        exports.export_request(user_id=user.pk)
    assert limited.value.code == "rate_limited"
    assert DataExport.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_make_one_copy():
    ann = UserFactory()
    found = race(4, lambda _: exports.export_request(user_id=ann.pk))
    assert sorted(getattr(item, "code", "made") for item in found) == ["export_open"] * 3 + ["made"]
    assert DataExport.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_build_one_file():
    ann = person("ann")
    view = exports.export_request(user_id=ann.pk)
    assert sorted(race(3, lambda _: exports.export_build(export_id=view.id))) == [False, False, True]
    assert len(storages["private"].listdir("exports")[1]) == 2  # this one, and the one that the person had
    assert Notification.objects.filter(kind="export_ready").count() == 1


def test_building_again_does_nothing(user):
    row = built(user)
    assert not exports.export_build(export_id=row.pk)
    assert not exports.export_build(export_id=row.pk + 999)


def test_a_crash_in_the_middle_fails_and_can_be_asked_for_again(user, monkeypatch):
    view = exports.export_request(user_id=user.pk)
    monkeypatch.setattr(exports, "readme", lambda *_, **__: 1 / 0)
    assert not exports.export_build(export_id=view.id)
    row = DataExport.objects.get(pk=view.id)
    assert (row.status, row.file.name) == ("failed", "")
    assert "Ask for it again" in row.error
    assert not storages["private"].exists("exports") or storages["private"].listdir("exports")[1] == []
    monkeypatch.undo()
    assert built(user).status == "ready"


def test_a_copy_whose_builder_died_is_built_by_another(user):
    """It died without a word: the row says building, and its lease has ended."""
    view = exports.export_request(user_id=user.pk)
    old = timezone.now() - timedelta(minutes=3)
    DataExport.objects.filter(pk=view.id).update(status="building", progress=40, requested_at=old)
    redis().set(f"export:{view.id}:builder", "somebody")
    assert exports.exports_unbuilt() == []
    assert not exports.export_build(export_id=view.id)
    redis().delete(f"export:{view.id}:builder")
    assert exports.exports_unbuilt() == [view.id]
    assert exports.export_build(export_id=view.id)
    assert redis().exists(f"export:{view.id}:builder") == 0


def test_a_copy_that_nobody_builds_for_an_hour_is_given_up(user):
    view = exports.export_request(user_id=user.pk)
    DataExport.objects.update(requested_at=timezone.now() - timedelta(hours=2))
    assert exports.exports_unbuilt() == []
    assert DataExport.objects.get(pk=view.id).status == "failed"


def test_a_copy_that_was_given_up_meanwhile_leaves_no_file(user, monkeypatch):
    view = exports.export_request(user_id=user.pk)
    write = exports.archive_write

    def late(file, **more):
        write(file, **more)
        DataExport.objects.update(status="failed")

    monkeypatch.setattr(exports, "archive_write", late)
    assert not exports.export_build(export_id=view.id)
    assert storages["private"].listdir("exports")[1] == []


def test_its_time_ends_with_its_file(user):
    row = built(user)
    name = row.file.name
    assert exports.exports_expire() == 0
    DataExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(DomainError) as gone:
        exports.export_open(user=user, export_id=row.pk)
    assert (gone.value.code, gone.value.status) == ("export_expired", 410)
    tasks.exports_tend()
    row.refresh_from_db()
    assert (row.status, row.file.name) == ("expired", "")
    assert not storages["private"].exists(name)


def test_progress_is_told_while_it_is_built(user, monkeypatch):
    view = exports.export_request(user_id=user.pk)
    monkeypatch.setattr(exports, "_TELL_EVERY", 0)
    seen = []
    update = exports.client

    def spied():
        seen.append(DataExport.objects.values_list("progress", flat=True).get(pk=view.id))
        return update()

    monkeypatch.setattr(exports, "client", spied)
    exports.export_build(export_id=view.id)
    assert any(0 < percent < 100 for percent in seen)


# ---- Who gets it ----


def test_only_the_person_fetches_it_and_that_is_recorded(client):
    ann, bob = UserFactory(), UserFactory()
    row = built(ann)
    file = f"{PAGE}/exports/{row.pk}/file"
    assert client.get(file)["Location"].startswith("/sign-in")
    client.force_login(bob)
    assert client.get(file).status_code == 404
    assert proved(client, bob).get(file).status_code == 404
    response = proved(client, ann).get(file)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/zip"
    assert response["Cache-Control"] == "private, no-store"
    assert response["Content-Disposition"].startswith('attachment; filename="trading-arena-data-')
    assert b"".join(response.streaming_content)[:2] == b"PK"
    entry = AuditEntry.objects.get(action="data_export_fetched")
    assert entry.actor_id == ann.pk


def test_staff_fetches_nobodys(user):
    row = built(user)
    with pytest.raises(NotFound):
        exports.export_open(user=UserFactory(is_staff=True, is_superuser=True, role="admin"), export_id=row.pk)


def test_an_open_session_alone_does_not_fetch_it(client, user):
    row = built(user)
    client.force_login(user)
    response = client.get(f"{PAGE}/exports/{row.pk}/file")
    assert response.status_code == 302
    assert response["Location"].startswith("/reauthenticate")


def test_asking_on_the_page(client, user):
    client.force_login(user)
    response = client.post(f"{PAGE}/exports")
    assert response["Location"].startswith("/reauthenticate")
    assert not DataExport.objects.exists()
    # What was asked for goes on once the password is given.
    response = client.post(response["Location"], {"password": PASSWORD})
    assert response.status_code == 302
    assert DataExport.objects.get().user_id == user.pk
    page = client.get(PAGE)
    assert "Waiting to be built" in page.content.decode()
    assert 'hx-trigger="every 2s"' in page.content.decode()
    exports.export_build(export_id=DataExport.objects.get().pk)
    part = client.get(f"{PAGE}/exports/list").content.decode()
    assert "Download" in part
    assert "hx-trigger" not in part


def test_the_page_takes_a_bounded_number_of_queries(client, user, django_assert_max_num_queries):
    for _ in range(12):
        row = DataExport.objects.create(user=user, status="expired")
    client.force_login(user)
    client.get(PAGE)
    with django_assert_max_num_queries(12):
        page = client.get(PAGE).content.decode()
    assert page.count("Expired") == 10
    assert row.pk


def test_the_api(client, user):
    row = {"password": PASSWORD}
    url = "/api/v1/me/privacy/exports"
    assert client.post(url, row, content_type="application/json").status_code == 401
    headers = bearer(user)
    refused = client.post(url, {}, content_type="application/json", **headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "proof_required")
    refused = client.post(url, {"password": "wrong"}, content_type="application/json", **headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "password_wrong")
    made = client.post(url, row, content_type="application/json", **headers)
    assert made.status_code == 202
    assert (made.json()["status"], made.json()["url"]) == ("requested", "")
    again = client.post(url, row, content_type="application/json", **headers)
    assert (again.status_code, again.json()["code"]) == (409, "export_open")
    file = f"{url}/{made.json()['id']}/file"
    assert client.get(file, **headers).json()["code"] == "export_not_ready"
    exports.export_build(export_id=made.json()["id"])
    (listed,) = client.get(url, **headers).json()
    assert listed["url"] == file
    response = client.get(file, **headers)
    assert b"".join(response.streaming_content)[:2] == b"PK"
    other = client.get(file, **bearer(UserFactory()))
    assert (other.status_code, other.json()["code"]) == (404, "export_not_found")
    state = client.get("/api/v1/me/privacy", **headers).json()
    assert [item["id"] for item in state["exports"]] == [made.json()["id"]]
    assert (state["deletion"], state["export_link_days"]) == (None, 7)


def test_a_file_that_is_gone_says_so(user):
    row = built(user)
    row.file.storage.delete(row.file.name)
    with pytest.raises(DomainError) as gone:
        exports.export_open(user=user, export_id=row.pk)
    assert gone.value.code == "export_expired"


# ---- Operators ----


def test_an_operator_hands_a_copy_over(tmp_path, user, capsys):
    to = tmp_path / "ann.zip"
    call_command("export_person", str(user.pk), "--reason", "asked by letter", "--to", str(to))
    assert zipfile.ZipFile(to).testzip() is None
    assert to.stat().st_mode & 0o777 == 0o600
    entry = AuditEntry.objects.get(action="data_export_handed_over")
    assert (entry.subject_id, entry.reason, entry.actor_label) == (str(user.pk), "asked by letter", "system")
    with pytest.raises(CommandError, match="exists"):
        call_command("export_person", str(user.pk), "--reason", "again", "--to", str(to))
    with pytest.raises(CommandError, match="user_not_found"):
        call_command("export_person", "0", "--reason", "x", "--to", str(tmp_path / "b.zip"))
    call_command("export_person", str(user.pk), "--reason", "asked by phone")
    assert DataExport.objects.get().status == "requested"
    assert capsys.readouterr().out


def test_the_task_follows_the_event(user, monkeypatch):
    built_ids = []
    monkeypatch.setattr(tasks.export_build, "delay", lambda **named: built_ids.append(named["export_id"]))
    view = exports.export_request(user_id=user.pk)
    OutboxEvent.objects.update(next_at=timezone.now() - timedelta(days=1))
    outbox.drain()
    assert built_ids == [view.id]


def test_files_have_names_that_nobody_guesses(user):
    row = built(user)
    assert len(row.file.name) > 36
    other = DataExport(user=user)
    other.file.save("../../etc/passwd", ContentFile(b"x"), save=False)
    assert other.file.name.startswith("exports/")
