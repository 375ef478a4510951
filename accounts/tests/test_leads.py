"""Leads: who may be one person. Found, bounded, decided by a moderator; nobody is banned."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.client import Client
from accounts.domain.leads import ENOUGH, score_of
from accounts.models import AbuseLead, DeviceSighting, User
from accounts.services import leads
from accounts.tests.factories import UserFactory
from core.errors import Conflict, Invalid, NotFound
from core.models import AuditEntry, OutboxEvent
from core.tests.threads import race

db = pytest.mark.django_db


def see(count, kind="device", value="x", start=0):
    users = UserFactory.create_batch(count)
    for user in users:
        leads.sighting_record(user_id=user.pk, kind=kind, value=value)
    return users


@pytest.mark.parametrize(
    ("kind", "users", "score"),
    [("payment", 2, 90), ("payment", 9, 100), ("device", 2, 70), ("device", 4, 80), ("device", 40, 100),
     ("ip", 4, 20), ("ip", 10, 38), ("ip", 20, 68), ("ip", 21, 10), ("ip", 500, 10)],
)  # fmt: skip
def test_scores(kind, users, score):
    assert score_of(kind, users) == score


@given(kind=st.sampled_from(sorted(ENOUGH)), users=st.integers(1, 10_000))
def test_scores_stay_between_0_and_100(kind, users):
    assert 0 <= score_of(kind, users) <= 100


@db
def test_two_with_one_device_are_a_lead_and_nothing_happens_to_them():
    first, second = see(2)
    UserFactory()
    assert leads.leads_find() == 1
    lead = AbuseLead.objects.get()
    assert (lead.kind, lead.score, lead.status) == ("device", 70, "open")
    assert set(lead.users.all()) == {first, second}
    assert {row["user_id"] for row in lead.evidence["users"]} == {first.pk, second.pk}
    assert {row["times"] for row in lead.evidence["users"]} == {1}
    assert OutboxEvent.objects.filter(topic="accounts.lead_found").count() == 1
    assert not User.objects.filter(status="suspended").exists()
    assert leads.leads_find() == 0
    assert AbuseLead.objects.count() == 1


@db
def test_raw_values_are_nowhere():
    user = UserFactory()
    leads.client_seen_in_tx(user_id=user.pk, client=Client(ip="8.8.8.8", device="d" * 64))
    leads.sighting_record(user_id=user.pk, kind="payment", value="4242424242424242")
    text = json.dumps(list(DeviceSighting.objects.values_list("kind", "digest")))
    assert "8.8.8.8" not in text
    assert "4242" * 4 not in text


@db
def test_an_address_takes_four_within_thirty_days():
    users = see(4, kind="ip", value="8.8.8.8")
    DeviceSighting.objects.filter(user=users[0]).update(last_seen_at=timezone.now() - timedelta(days=31))
    assert leads.leads_find() == 0
    see(1, kind="ip", value="8.8.8.8")
    assert leads.leads_find() == 1
    assert AbuseLead.objects.get().evidence["count"] == 4


@db
def test_an_office_scores_low_and_names_are_bounded(monkeypatch):
    monkeypatch.setattr(leads, "MAX_USERS", 10)
    see(22, kind="ip", value="8.8.8.8")
    leads.leads_find()
    lead = AbuseLead.objects.get()
    assert (lead.score, lead.evidence["count"], len(lead.evidence["users"]), lead.users.count()) == (10, 22, 10, 10)


@db
def test_payments_of_two_and_those_who_are_gone():
    first, _ = see(2, kind="payment", value="fingerprint")
    assert leads.leads_find() == 1
    User.objects.filter(pk=first.pk).update(anonymised_at=timezone.now())
    AbuseLead.objects.all().delete()
    assert leads.leads_find() == 0


@db
@pytest.mark.parametrize(("act", "status"), [(leads.lead_dismiss, "dismissed"), (leads.lead_confirm, "confirmed")])
def test_a_decision_has_a_reason_and_is_audited(act, status):
    see(2)
    leads.leads_find()
    lead, moderator = AbuseLead.objects.get(), UserFactory(role="moderator")
    with pytest.raises(Invalid):
        act(actor=moderator, lead_id=lead.pk, note="  ")
    with pytest.raises(NotFound):
        act(actor=moderator, lead_id=0, note="x")
    act(actor=moderator, lead_id=lead.pk, note="One household", ip="9.9.9.9")
    lead.refresh_from_db()
    assert (lead.status, lead.decided_by, lead.note) == (status, moderator, "One household")
    entry = AuditEntry.objects.get(action=f"lead_{status}")
    assert (entry.actor_id, entry.reason, entry.ip) == (moderator.pk, "One household", "9.9.9.9")
    with pytest.raises(Conflict):
        act(actor=moderator, lead_id=lead.pk, note="again")
    leads.leads_find()
    lead.refresh_from_db()
    assert lead.status == status


@db
def test_someone_new_opens_it_again():
    see(2)
    leads.leads_find()
    lead = AbuseLead.objects.get()
    leads.lead_dismiss(actor=UserFactory(), lead_id=lead.pk, note="siblings")
    (third,) = see(1)
    assert leads.leads_find() == 1
    lead.refresh_from_db()
    assert (lead.status, lead.score, lead.users.count()) == ("open", 75, 3)
    assert AuditEntry.objects.get(action="lead_reopened").after["joined"] == [third.pk]


@db
def test_nobody_decides_about_themselves():
    first, _ = see(2)
    leads.leads_find()
    with pytest.raises(Conflict):
        leads.lead_dismiss(actor=first, lead_id=AbuseLead.objects.get().pk, note="me")


@db
def test_traces_are_forgotten_and_so_are_leads_without_any():
    see(2)
    leads.leads_find()
    old = timezone.now() - timedelta(days=91)
    assert leads.sightings_forget_old() == 0
    DeviceSighting.objects.update(last_seen_at=old)
    AbuseLead.objects.update(updated_at=old)
    assert (leads.sightings_forget_old(), leads.leads_forget_old()) == (2, 1)
    assert not AbuseLead.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_searches_at_once_make_one_lead():
    see(2)
    results = race(2, lambda _: leads.leads_find())
    assert sorted(results) == [0, 1]
    assert AbuseLead.objects.count() == 1


@db
def test_the_queue_of_operators(client):
    first, _ = see(2)
    see(2, kind="payment", value="p")
    leads.leads_find()
    staff = UserFactory(is_staff=True, is_superuser=True, role="admin")
    client.force_login(staff)
    queue = client.get("/admin/accounts/abuselead/").context["cl"].result_list
    assert [lead.kind for lead in queue] == ["payment", "device"]
    lead = AbuseLead.objects.get(kind="device")
    detail = client.get(f"/admin/accounts/abuselead/{lead.pk}/change/").content.decode()
    assert reverse("admin:accounts_user_change", args=[first.pk]) in detail
    assert first.display_name in detail
    form = {"action": "dismiss", "_selected_action": [lead.pk], "reason": "siblings"}
    client.post("/admin/accounts/abuselead/", form)
    lead.refresh_from_db()
    assert (lead.status, lead.decided_by) == ("dismissed", staff)
    trader = UserFactory(is_staff=True)
    client.force_login(trader)
    assert client.post("/admin/accounts/abuselead/", form).status_code == 403


@db
def test_operators_see_sign_ins_and_factors_without_secrets(client):
    from allauth.mfa.totp.internal.auth import TOTP

    staff = UserFactory(is_staff=True, is_superuser=True)
    factor = TOTP.activate(staff, "JBSWY3DPEHPK3PXP").instance
    client.force_login(staff)
    assert client.get("/admin/accounts/signin/").status_code == 200
    page = client.get(f"/admin/mfa/authenticator/{factor.pk}/change/").content.decode()
    assert factor.data["secret"] not in page
    other = UserFactory()
    client.force_login(other)
    signin = other.sign_ins.get()
    client.force_login(staff)
    form = {"action": "end", "_selected_action": [str(signin.pk)], "reason": ""}
    client.post("/admin/accounts/signin/", form)
    signin.refresh_from_db()
    assert signin.ended_at is None
    client.post("/admin/accounts/signin/", {**form, "reason": "asked by phone"})
    signin.refresh_from_db()
    assert signin.ended_because == "operator"
