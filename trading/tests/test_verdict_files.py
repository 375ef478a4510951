"""A verdict's evidence as files: who gets them, and that the JSON proves itself without the database."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from marketdata.tests.factories import advance
from trading.management.commands.verify_verdict import Command
from trading.models import Verdict
from trading.selectors.rules import verdict_evidence
from trading.tests import factories as make
from trading.tests.ruled import ftmo, verdicts


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_its_owner_and_operators_get_both_files_and_others_none(tmp_path, capsys):
    market, account_id, who = ftmo(100)
    advance(market.id)
    [verdict] = verdicts(account_id)
    owner = verdict.account.owner
    address = f"/verdicts/{verdict.pk}/evidence"
    found = signed_in(owner).get(f"{address}.json")
    assert found["Content-Disposition"] == f'attachment; filename="verdict-{verdict.pk}.json"'
    assert json.loads(found.content) == verdict_evidence(verdict.pk, who)
    paper = signed_in(owner).get(f"{address}.pdf")
    assert paper["Content-Type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF-")
    assert paper.content == signed_in(owner).get(f"{address}.pdf").content
    for kind in ("json", "pdf"):
        assert signed_in(make.user(is_staff=True, role="moderator")).get(f"{address}.{kind}").status_code == 200
        assert signed_in(make.user()).get(f"{address}.{kind}").status_code == 404
        assert Client().get(f"{address}.{kind}").status_code == 302
        assert signed_in(owner).get(f"/verdicts/0/evidence.{kind}").status_code == 404
    path = tmp_path / "verdict.json"
    path.write_bytes(found.content)
    call_command("verify_verdict", str(path))
    told = capsys.readouterr().out
    assert "The verdict holds." in told
    assert "Not part of the proof: id, account_id, market_at, created_at." in told
    assert Verdict.objects.count() == 1


def test_a_file_is_proved_without_a_database(tmp_path, capsys):
    from trading.domain.rules import with_checksums
    from trading.tests.rules.make import begin, mark
    from trading.tests.rules.test_correct import PLAN

    _, (verdict, *_) = mark(PLAN, begin(PLAN), 100_000, 94_000)
    data = json.loads(json.dumps(with_checksums({"id": 1, "account_id": 2, **verdict.to_json()})))
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(data))
    call_command("verify_verdict", str(path))
    data["evidence"]["figures"]["floor_minor"] += 1
    data["evidence"]["state"]["payouts"] = 9
    data["id"] = 2
    path.write_text(json.dumps(data))
    capsys.readouterr()
    with pytest.raises(CommandError) as refused:
        call_command("verify_verdict", str(path))
    assert refused.value.returncode == 1
    told = capsys.readouterr().out
    for name in ("evidence.figures.floor_minor", "evidence.state.payouts", "id"):
        assert f"    {name}: " in told
    path.write_text("{")
    for wrong in (path, tmp_path / "none.json"):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("verify_verdict", str(wrong))
    assert not Command.requires_system_checks
