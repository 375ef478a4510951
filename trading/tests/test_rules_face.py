"""Rule sets kept, and rules as people see them: commands, API, admin."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from accounts.models import User
from core.errors import Conflict, Invalid
from marketdata.tests.factories import advance
from trading.domain import rules
from trading.models import RuleSet, Verdict
from trading.services.rules import rule_set_store
from trading.tests import factories as make
from trading.tests.ruled import data, document, ftmo, share

pytestmark = pytest.mark.django_db


def test_versions_of_rule_sets_never_change(tmp_path):
    first = rule_set_store(document=document({"kind": "stop_required"}))
    assert rule_set_store(document=document({"kind": "stop_required"})).pk == first.pk
    with pytest.raises(Conflict) as taken:
        rule_set_store(document=document({"kind": "max_quantity", "quantity": "1"}))
    assert taken.value.code == "rule_set_version_taken"
    with pytest.raises(DatabaseError), transaction.atomic():
        RuleSet.objects.filter(pk=first.pk).update(name="Other")
    with pytest.raises(Invalid) as wrong:
        rule_set_store(document=document({"kind": "daily_loss", "amount": share(500)}))
    assert wrong.value.details["problems"][0]["path"].startswith("rules[0].amount")
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(document({"kind": "max_lots_per_order", "lots": "2"})))
    out = StringIO()
    call_command("rule_sets", "validate", str(path), stdout=out)
    call_command("rule_sets", "words", str(path), stdout=out)
    assert "at most 2 lots" in out.getvalue()
    path.write_text("{}")
    with pytest.raises(CommandError, match="version"):
        call_command("rule_sets", "validate", str(path), stdout=out)


def test_the_api_shows_rules_distances_verdicts_and_evidence_to_who_may_see_them(client):
    market, account_id, who = ftmo(100)
    client.force_login(User.objects.get(pk=who.user_id))
    body = client.get(f"/api/v1/accounts/{account_id}/rules").json()
    assert body["rules"][0]["text"].startswith("Daily loss: equity")
    assert (body["status"], body["balance"], body["equity"]) == ("active", "204000.00", "191000.00")
    [limit] = body["limits"]
    assert (limit["line"], limit["distance"], limit["used_percent"]) == ("190000.00", "1000.00", 90)
    advance(market.id)
    assert client.get(f"/api/v1/accounts/{account_id}/rules").json()["status"] == "failed"
    [row] = client.get(f"/api/v1/accounts/{account_id}/verdicts").json()["results"]
    evidence = client.get(f"/api/v1/verdicts/{row['id']}/evidence")
    assert "attachment" in evidence["Content-Disposition"]
    assert rules.verify({name: evidence.json()[name] for name in data(Verdict.objects.get())}).ok
    client.force_login(make.user())
    for path in (f"accounts/{account_id}/rules", f"accounts/{account_id}/verdicts", f"verdicts/{row['id']}/evidence"):
        assert client.get(f"/api/v1/{path}").status_code == 404, path


def test_operators_add_rule_sets_in_the_admin_and_read_what_is_wrong_with_them(client):
    client.force_login(make.user(is_staff=True, is_superuser=True))
    url = "/admin/trading/ruleset/add/"
    wrong = client.post(url, {"document": json.dumps(document({"kind": "daily_loss", "amount": share(500)}))})
    assert "rules[0].amount" in wrong.content.decode()
    good = {"document": json.dumps(document({"kind": "max_lots_per_order", "lots": "2"}))}
    assert client.post(url, good).status_code == 302
    row = RuleSet.objects.get()
    assert "at most 2 lots" in client.get(f"/admin/trading/ruleset/{row.pk}/change/").content.decode()
    assert "Give the next one" in client.post(url, good).content.decode()
    assert client.get("/admin/trading/verdict/").status_code == 200
    assert client.get("/admin/trading/accountrules/").status_code == 200
