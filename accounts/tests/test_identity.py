"""Identity checks: documents, two people, and what needs them."""

import io
import zlib
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from accounts.adapters.documents import ActiveDocumentError, document_check
from accounts.adapters.images import NotAnImageError
from accounts.domain.identity import NEXT, may_become
from accounts.models import IdentityCheck, IdentityDocument, Notification
from accounts.selectors.identity import identity_of, identity_require
from accounts.services import identity
from accounts.services.roles import roles_sync
from accounts.tasks.people import identities_expire
from accounts.tests.factories import UserFactory
from core.errors import Conflict, Forbidden, Invalid
from core.models import AuditEntry
from core.tests.threads import race

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def packed(objects, kind=b"/ObjStm", pack=zlib.compress):
    """A PDF with objects in a stream."""
    body = b"%PDF-1.5\n2 0 obj<</Type" + kind + b"/Filter/FlateDecode>>stream\n" + pack(objects)
    return body + b"\nendstream endobj\n%%EOF\n"


def scan():
    """A PDF as a scanner makes it: names with escapes, a page to open at, and bytes that look like short names."""
    out = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(out, "PDF")
    names = b"/BaseFont/Times#20New#20Roman/OpenAction [3 0 R /FitH]"
    return out.getvalue().replace(b"%%EOF", b"9 0 obj<<" + names + b">>stream\n/AA /JS #41\nendstream endobj\n%%EOF")


def photo(size=(60, 40), kind="JPEG"):
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, kind)
    return out.getvalue()


def details(user, **more):
    values = {"legal_name": "Ann  Lee", "country": "IN", "countries": ["IN", "US"], **more}
    return identity.identity_details(user_id=user.pk, **values)


def sent(user=None):
    user = user or UserFactory()
    details(user)
    for kind in ("front", "selfie"):
        identity.document_add(user_id=user.pk, kind=kind, data=photo())
    view = identity.identity_submit(user_id=user.pk)
    return user, view.check_id


def moderators(count=2):
    return [UserFactory(role="moderator", is_staff=True) for _ in range(count)]


def test_from_documents_to_approval_by_two_people():
    user, check_id = sent()
    first, second = moderators()
    with pytest.raises(Forbidden) as refusal:
        identity_require(user.pk)
    assert (refusal.value.code, refusal.value.details["status"]) == ("identity_needed", "submitted")
    identity.identity_assess(actor=first, check_id=check_id, approve=True, note="Name and face agree.")
    with pytest.raises(Forbidden) as refusal:
        identity.identity_decide(actor=first, check_id=check_id, approve=True, reason="Fine.")
    assert refusal.value.code == "second_person_needed"
    identity.identity_decide(actor=second, check_id=check_id, approve=True, reason="Fine.")
    identity_require(user.pk)
    view = identity_of(user.pk)
    assert (view.status, view.legal_name) == ("approved", "Ann Lee")
    assert timedelta(days=729) < view.expires_at - timezone.now() < timedelta(days=731)
    assert Notification.objects.get(kind="identity_decided").title == "Identity check: approved"
    acts = AuditEntry.objects.filter(subject_type="identity_check").order_by("pk").values_list("action", "actor_id")
    assert list(acts)[-3:] == [
        ("identity_submitted", user.pk), ("identity_assessed", first.pk), ("identity_approved", second.pk)
    ]  # fmt: skip


def test_the_second_person_may_disagree_and_the_applicant_begins_anew():
    user, check_id = sent()
    first, second = moderators()
    identity.identity_assess(actor=first, check_id=check_id, approve=True, note="ok")
    identity.identity_decide(actor=second, check_id=check_id, approve=False, reason="The photo is blurred.")
    assert identity_of(user.pk).reason == "The photo is blurred."
    again = details(user)
    assert (again.status, again.documents) == ("draft", ())
    assert IdentityCheck.objects.count() == 2


def test_nobody_reviews_their_own():
    moderator, other = moderators()
    _, check_id = sent(moderator)
    with pytest.raises(Forbidden):
        identity.identity_assess(actor=moderator, check_id=check_id, approve=True, note="me")
    identity.identity_assess(actor=other, check_id=check_id, approve=True, note="them")
    with pytest.raises(Forbidden):
        identity.identity_decide(actor=moderator, check_id=check_id, approve=True, reason="me")
    with pytest.raises(Forbidden):
        identity.document_open(actor=moderator, document_id=IdentityDocument.objects.first().pk)


def test_no_decision_before_the_first_look_and_none_after_a_decision():
    _, check_id = sent()
    first, second = moderators()
    with pytest.raises(Conflict):
        identity.identity_decide(actor=second, check_id=check_id, approve=True, reason="hasty")
    identity.identity_assess(actor=first, check_id=check_id, approve=True, note="ok")
    with pytest.raises(Conflict):
        identity.identity_assess(actor=second, check_id=check_id, approve=False, note="late")
    identity.identity_decide(actor=second, check_id=check_id, approve=True, reason="ok")
    with pytest.raises(Conflict):
        identity.identity_decide(actor=UserFactory(role="admin"), check_id=check_id, approve=False, reason="late")


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_once_one_wins():
    _, check_id = sent()
    people = moderators(4)
    results = race(
        4, lambda i: identity.identity_assess(actor=people[i], check_id=check_id, approve=bool(i % 2), note="first")
    )
    assert sum(isinstance(result, IdentityCheck) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3
    assert AuditEntry.objects.filter(action="identity_assessed").count() == 1


def test_what_is_missing_is_said_and_what_is_sent_is_closed():
    user = UserFactory()
    with pytest.raises(Conflict):
        identity.identity_submit(user_id=user.pk)
    identity.document_add(user_id=user.pk, kind="front", data=photo())
    with pytest.raises(Invalid) as refusal:
        identity.identity_submit(user_id=user.pk)
    assert refusal.value.details == {"missing": ["details", "selfie"]}
    user, _ = sent()
    for act in (
        lambda: details(user),
        lambda: identity.document_add(user_id=user.pk, kind="back", data=photo()),
        lambda: identity.identity_submit(user_id=user.pk),
    ):
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "identity_not_open"


@pytest.mark.parametrize("wrong", [{"legal_name": "A"}, {"legal_name": "x" * 121}, {"country": "XX"}])
def test_impossible_details(wrong):
    with pytest.raises(Invalid):
        details(UserFactory(), **wrong)
    assert not IdentityCheck.objects.exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "document_not_readable"),
        (b"<script>alert(1)</script>", "document_not_readable"),
        (b"<svg onload=alert(1)>", "document_not_readable"),
        (photo()[:200], "document_not_readable"),
        (PDF[:30], "document_not_readable"),
        (PDF.replace(b"/Catalog", b"/Catalog/OpenAction 2 0 R"), "document_active"),
        (PDF.replace(b"/Catalog", b"/Catalog/JavaScript 2 0 R"), "document_active"),
        (PDF.replace(b"/Catalog", b"/Catalog/J#61vaScript 2 0 R"), "document_active"),
        (PDF.replace(b"trailer<<", b"trailer<</Encrypt 3 0 R"), "document_active"),
        (packed(b"<</S/JavaScript/JS(app.alert)>>"), "document_active"),
        (packed(b"<</S/Java#53cript>>", kind=b"/Obj#53tm"), "document_active"),
        (packed(b"<</S/JavaScript>>", pack=lambda text: text.hex().encode()), "document_active"),
        (packed(b" " * 16_000_001), "document_active"),
        (photo((13_000, 1), "PNG"), "document_bomb"),
        (b"\0" * 8_000_001, "document_too_large"),
    ],
)
def test_files_that_are_no_documents(data, code):
    user = UserFactory()
    with pytest.raises(Invalid) as refusal:
        identity.document_add(user_id=user.pk, kind="front", data=data)
    assert refusal.value.code == code
    assert not IdentityDocument.objects.exists()


@pytest.mark.parametrize("data", [PDF, scan(), packed(b"<</Type/Page>>"), packed(b"\0", kind=b"/XObject")])
def test_plain_documents_are_taken_as_they_are(data):
    assert document_check(data).data == data


@given(st.binary(max_size=300), st.sampled_from([b"", b"%PDF-1.7", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"]))
def test_no_bytes_make_it_fail_otherwise(data, start):
    try:
        checked = document_check(start + data)
    except (NotAnImageError, ActiveDocumentError):
        return
    assert checked.content_type in ("application/pdf", "image/jpeg")


def test_a_picture_is_written_anew_and_kept_where_no_address_leads(client):
    user = UserFactory()
    out = io.BytesIO()
    Image.new("RGB", (50, 50)).save(out, "PNG", pnginfo=None)
    data = out.getvalue() + b"<script>alert(1)</script>"
    identity.document_add(user_id=user.pk, kind="front", data=data)
    row = IdentityDocument.objects.get()
    kept = row.file.read()
    assert row.content_type == "image/jpeg"
    assert b"script" not in kept
    assert row.file.path.startswith(str(storages["private"].location))
    identity.document_add(user_id=user.pk, kind="front", data=PDF)
    row = IdentityDocument.objects.get()
    assert (row.content_type, row.file.read()) == ("application/pdf", PDF)


def test_reviewers_see_documents_and_each_look_is_recorded(client):
    _, _ = sent()
    document = IdentityDocument.objects.first()
    url = reverse("identity-document", args=[document.pk])
    (moderator,) = moderators(1)
    roles_sync()
    for other in (UserFactory(), UserFactory(role="finance", is_staff=True), document.check_of.user):
        visitor = Client()
        visitor.force_login(other)
        assert visitor.get(url).status_code == 403
    client.force_login(moderator)
    answer = client.get(url)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert AuditEntry.objects.get(action="identity_document_seen").actor_id == moderator.pk
    assert client.get(reverse("identity-document", args=[0])).status_code == 404


def test_the_page_from_name_to_sent(client):
    user = UserFactory()
    client.force_login(user)
    place = reverse("settings-identity")
    assert client.get(place).status_code == 200
    assert client.post(place, {"legal_name": "", "country": "IN"}).status_code == 422
    assert client.post(place, {"legal_name": "Ann Lee", "country": "IN"}).status_code == 302
    add = reverse("settings-identity-document")
    refused = client.post(add, {"kind": "front", "file": SimpleUploadedFile("x.jpg", b"<html>")})
    assert refused.status_code == 422
    assert "cannot be read" in refused.content.decode()
    for kind in ("front", "selfie"):
        client.post(add, {"kind": kind, "file": SimpleUploadedFile("x.exe", photo())})
    client.post(reverse("settings-identity-submit"))
    assert IdentityCheck.objects.get().status == "submitted"
    assert "Being looked at" in client.get(place).content.decode()


def test_the_api_from_name_to_sent(client):
    client.force_login(UserFactory())
    base = "/api/v1/me/identity"
    assert client.get(base).json()["status"] == ""
    answer = client.post(base, {"legal_name": "Ann Lee", "country": "IN"}, "application/json")
    assert (answer.status_code, answer.json()["missing"]) == (200, ["front", "selfie"])
    wrong = client.post(f"{base}/documents", {"kind": "front", "file": SimpleUploadedFile("x.jpg", b"GIF89a")})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "document_not_readable")
    for kind in ("front", "selfie"):
        client.post(f"{base}/documents", {"kind": kind, "file": SimpleUploadedFile("x", photo())})
    assert client.post(f"{base}/submit").json()["status"] == "submitted"
    again = client.post(f"{base}/submit")
    assert (again.status_code, again.json()["code"]) == (409, "identity_not_open")


def test_the_admin_takes_two_people():
    _, check_id = sent()
    first, second = moderators()
    roles_sync()
    place = reverse("admin:accounts_identitycheck_changelist")
    for moderator, act in ((first, "recommend_approval"), (first, "approve"), (second, "approve")):
        client = Client()
        client.force_login(moderator)
        assert client.get(place).status_code == 200
        client.post(place, {"action": act, "_selected_action": [check_id], "reason": "looks right"})
        if act == "approve" and moderator == first:
            assert IdentityCheck.objects.get().status == "assessed"
    assert IdentityCheck.objects.get().status == "approved"
    assert client.get(reverse("admin:accounts_identitycheck_change", args=[check_id])).status_code == 200


def test_the_queue_begins_with_what_has_waited_longest(client):
    (moderator,) = moderators(1)
    roles_sync()
    checks = [sent()[1] for _ in range(4)]
    IdentityCheck.objects.filter(pk=checks[0]).update(status="rejected")
    for days, check_id in enumerate(checks):
        IdentityCheck.objects.filter(pk=check_id).update(submitted_at=timezone.now() - timedelta(days=days))
    details(UserFactory())
    client.force_login(moderator)
    rows = client.get(reverse("admin:accounts_identitycheck_changelist")).context["cl"].result_list
    assert [row.pk for row in rows][:4] == [checks[3], checks[2], checks[1], checks[0]]


def test_approval_ends_after_two_years():
    user, check_id = sent()
    IdentityCheck.objects.filter(pk=check_id).update(status="approved", expires_at=timezone.now())
    assert identity_of(user.pk).status == "expired"
    with pytest.raises(Forbidden):
        identity_require(user.pk)
    identities_expire()
    assert IdentityCheck.objects.get().status == "expired"
    assert details(user).status == "draft"


def test_states_lead_to_states_there_are():
    for status, after in NEXT.items():
        assert set(after) <= set(IdentityCheck.Status.values)
        assert not may_become(status, status)
    assert not may_become("nope", "approved")
