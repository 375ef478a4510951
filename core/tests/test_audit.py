"""The audit trail: appended to, never changed; searched and exported."""

import csv
import io
import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from core.models import AuditEntry, SystemFlag
from core.services import audit

pytestmark = pytest.mark.django_db


def entry(**more):
    return audit.record(
        **{"actor": None, "action": "tested", "subject_type": "thing", "subject_id": 7, "reason": "why", **more}
    )


@pytest.fixture
def boss(client):
    user = get_user_model().objects.create_superuser("boss@example.com", "correct-horse-battery")
    client.force_login(user)
    return user


@pytest.mark.parametrize("act", ["UPDATE core_auditentry SET reason = 'x'", "DELETE FROM core_auditentry"])
def test_no_entry_is_changed_or_deleted(act):
    entry()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act)
    assert AuditEntry.objects.get().reason == "why"


def test_an_act_has_the_address_and_the_id_of_its_request(client, boss):
    SystemFlag.objects.create(key="trading_halt")
    data = {"is_on": "on", "message": "Wait.", "until_0": "", "until_1": "", "reason": "exchange down"}
    answer = client.post(
        reverse("admin:core_systemflag_change", args=["trading_halt"]),
        data,
        REMOTE_ADDR="203.0.113.9",
        headers={"X-Request-ID": "request-12345"},
    )
    assert answer.status_code == 302
    row = AuditEntry.objects.get(action="flag_set")
    assert (row.ip, row.request_id, row.actor_id, row.reason) == (
        "203.0.113.9", "request-12345", boss.pk, "exchange down"
    )  # fmt: skip
    assert SystemFlag.objects.get().is_on
    assert entry().ip is None


def test_a_switch_wants_a_reason_and_an_end_that_is_to_come(client, boss):
    client.get(reverse("admin:core_systemflag_changelist"))
    assert SystemFlag.objects.count() == len(SystemFlag.Key)
    place = reverse("admin:core_systemflag_change", args=["maintenance"])
    for wrong in ({"reason": ""}, {"until_0": "2020-01-01", "until_1": "10:00", "reason": "r"}):
        client.post(place, {"is_on": "on", "message": "", "until_0": "", "until_1": "", **wrong})
    assert not SystemFlag.objects.filter(is_on=True).exists()
    assert not AuditEntry.objects.exists()


def test_it_is_searched_and_shown_with_what_changed(client, boss):
    row = entry(before={"status": "active"}, after={"status": "<b>suspended</b>"})
    entry(subject_id=8, reason="another")
    page = client.get(reverse("admin:core_auditentry_changelist"), {"q": "another"}).content.decode()
    assert "another" in page
    assert ">why<" not in page
    shown = client.get(reverse("admin:core_auditentry_change", args=[row.pk])).content.decode()
    assert "&lt;b&gt;suspended" in shown
    assert 'name="_save"' not in shown


def test_an_export_is_whole_and_in_the_trail_itself(client, boss):
    rows = [entry(reason=f"=cmd|{number}", after={"n": number}) for number in range(3)]
    data = {"action": "export_csv", "_selected_action": [row.pk for row in rows], "reason": "yearly check"}
    answer = client.post(reverse("admin:core_auditentry_changelist"), data)
    table = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [line["id"] for line in table] == [str(row.pk) for row in rows]
    assert table[0]["reason"] == "'=cmd|0"
    assert json.loads(table[2]["after"]) == {"n": 2}
    export = AuditEntry.objects.get(action="audit_exported")
    assert (export.reason, export.actor_id, export.after) == (
        "yearly check", boss.pk, {"entries": 3, "format": "csv"}
    )  # fmt: skip
    client.post(reverse("admin:core_auditentry_changelist"), data | {"reason": ""})
    assert AuditEntry.objects.filter(action="audit_exported").count() == 1


def test_the_command(capsys):
    entry()
    call_command("export_audit", "--reason", "check", "--action", "tested")
    line = json.loads(capsys.readouterr().out)
    assert (line["action"], line["reason"], line["actor_label"]) == ("tested", "why", "system")
    call_command("export_audit", "--reason", "check", "--until", "2020-01-01T00:00Z", "--format", "csv")
    assert len(capsys.readouterr().out.splitlines()) == 1
    with pytest.raises(CommandError):
        call_command("export_audit", "--reason", "check", "--since", "yesterday")
