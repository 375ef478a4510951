"""Texts: published once, accepted by exact version, asked again when they change, shown as safe pages."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.utils import timezone

from accounts.adapters.markdown import markdown_html
from accounts.domain.client import Client
from accounts.models import Consent, LegalText, Notification, User
from accounts.selectors.consents import consents_of, texts_in_force
from accounts.selectors.standing import edition_in_force, standing_of
from accounts.services import consents
from accounts.services.consents import consent_give, text_publish, texts_publish
from accounts.services.onboarding import person_set_up
from accounts.tests.factories import UserFactory
from core.errors import Conflict, Invalid, NotFound, Unavailable
from core.models import AuditEntry, OutboxEvent
from core.services.outbox import drain
from core.tests.threads import race

pytestmark = pytest.mark.django_db
HOME = Client(ip="203.0.113.9", user_agent="Firefox")


def deliver():
    """Deliver the outbox now. Inside a test's one transaction its events are always 'later' than now()."""
    OutboxEvent.objects.update(next_at=timezone.now() - timedelta(days=1))
    drain()


@pytest.fixture
def texts():
    return texts_publish()


@pytest.fixture
def boss():
    return User.objects.create_superuser("boss@example.com", "correct-horse-battery")


@pytest.fixture
def person(texts):
    return person_set_up(user_id=UserFactory(clearance=0).pk, because="test")


def publish(boss, kind="terms", **more):
    words = {"title": "Terms of use", "body": "Be fair.", "changes": "Fees.", "reason": "Counsel asked.", **more}
    return text_publish(actor=boss, kind=kind, **words)


def ids():
    return [text.id for text in texts_in_force()]


def test_the_release_publishes_three_texts_once(settings):
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "sign_ins": 77}
    assert [(text.kind, text.version) for text in texts_publish()] == [("privacy", 1), ("risk", 1), ("terms", 1)]
    assert texts_publish() == []
    call_command("publish_legal_texts")
    assert LegalText.objects.count() == 3
    assert sorted(LegalText.objects.values_list("edition", flat=True)) == [1, 2, 3]
    assert edition_in_force() == 3
    assert "77 days" in LegalText.objects.get(kind="privacy").body
    assert not LegalText.objects.filter(body__contains="[[").exists()
    assert OutboxEvent.objects.filter(topic="accounts.texts_published").count() == 1


def test_a_consent_has_version_time_address_and_agent(texts):
    user = UserFactory(clearance=0)
    before = timezone.now() - timedelta(seconds=5)
    consent_give(user_id=user.pk, text_ids=ids(), client=HOME)
    rows = Consent.objects.filter(user=user)
    assert {row.text.kind for row in rows} == {"terms", "risk", "privacy"}
    assert all((row.ip, row.user_agent) == ("203.0.113.9", "Firefox") and row.accepted_at > before for row in rows)
    entry = AuditEntry.objects.get(action="consent_given")
    assert (entry.ip, sorted(entry.after["texts"])) == ("203.0.113.9", ["privacy 1", "risk 1", "terms 1"])
    assert [text.accepted_at is not None for text in consents_of(user.pk)] == [True] * 3


def test_accepting_twice_is_stored_once(texts):
    user = UserFactory(clearance=0)
    consent_give(user_id=user.pk, text_ids=ids(), client=HOME)
    consent_give(user_id=user.pk, text_ids=ids(), client=HOME)
    assert Consent.objects.filter(user=user).count() == 3
    assert AuditEntry.objects.filter(action="consent_given").count() == 1


def test_all_of_them_or_nothing(texts):
    user = UserFactory(clearance=0)
    with pytest.raises(Invalid) as caught:
        consent_give(user_id=user.pk, text_ids=ids()[:2], client=HOME)
    assert (caught.value.code, list(caught.value.details)) == ("consent_incomplete", ["privacy"])
    assert not Consent.objects.exists()


def test_an_outdated_version_and_one_that_never_was(texts, boss):
    user = UserFactory(clearance=0)
    shown = ids()
    publish(boss)
    with pytest.raises(Conflict) as caught:
        consent_give(user_id=user.pk, text_ids=shown, client=HOME)
    assert caught.value.code == "text_outdated"
    assert caught.value.details["texts"] == ids()
    with pytest.raises(NotFound) as missing:
        consent_give(user_id=user.pk, text_ids=[*ids(), 10**6], client=HOME)
    assert missing.value.code == "text_not_found"
    assert not Consent.objects.exists()


def test_without_texts_nobody_becomes_clear_by_accident():
    user = UserFactory(clearance=0)
    with pytest.raises(Unavailable) as caught:
        consent_give(user_id=user.pk, text_ids=[1], client=HOME)
    assert caught.value.code == "texts_missing"


def test_a_new_version_asks_everyone_again_and_tells_them_once(person, boss):
    newcomer = UserFactory(clearance=0)
    assert standing_of(person).is_clear
    text = publish(boss)
    assert (text.version, text.edition) == (2, 4)
    assert standing_of(person).code == "consent_due"
    deliver()
    deliver()
    [told] = Notification.objects.filter(kind="consent_due")
    assert (told.user_id, told.url, told.dedupe) == (person.pk, "/onboarding/consent", "consent_due:4")
    assert "Fees." in told.body
    assert not Notification.objects.filter(user=newcomer).exists()
    consent_give(user_id=person.pk, text_ids=[text.pk], client=HOME)
    person.refresh_from_db()
    assert person.clearance == 4
    assert standing_of(person).is_clear
    entry = AuditEntry.objects.get(action="text_published", subject_id=text.pk)
    assert (entry.actor_id, entry.reason) == (boss.pk, "Counsel asked.")


def test_many_are_told_in_batches(texts, boss, monkeypatch):
    monkeypatch.setattr(consents, "TELL_BATCH", 2)
    people = [person_set_up(user_id=UserFactory(clearance=0).pk, because="test") for _ in range(5)]
    publish(boss)
    for _ in range(4):
        deliver()
    told = Notification.objects.filter(kind="consent_due").values_list("user_id", flat=True)
    assert sorted(told) == [person.pk for person in people]
    assert OutboxEvent.objects.filter(topic="accounts.consent_due").count() == 2


def test_an_older_edition_is_not_told_when_a_newer_is_out(person, boss):
    publish(boss)
    publish(boss, kind="risk", title="Risk disclosure")
    deliver()
    assert list(Notification.objects.values_list("dedupe", flat=True)) == ["consent_due:5"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"title": " "}, "title_invalid"), ({"body": ""}, "body_invalid"), ({"body": "x" * 60_001}, "body_invalid"),
     ({"changes": "x" * 301}, "changes_invalid"), ({"kind": "poem"}, "kind_unknown")],
)  # fmt: skip
def test_what_cannot_be_published(boss, changed, code):
    with pytest.raises(Invalid) as caught:
        publish(boss, **changed)
    assert caught.value.code == code


def test_a_version_is_published_once(texts):
    with pytest.raises(IntegrityError), transaction.atomic():
        LegalText.objects.create(kind="terms", version=1, edition=9, title="T", body="B")


@pytest.mark.django_db(transaction=True)
def test_publishing_at_once_counts_on():
    boss = User.objects.create_superuser("boss@example.com", "correct-horse-battery")
    texts = race(4, lambda n: publish(boss, kind=["terms", "risk"][n % 2]))
    assert sorted(text.edition for text in texts) == [1, 2, 3, 4]
    assert sorted((text.kind, text.version) for text in texts) == [("risk", 1), ("risk", 2), ("terms", 1), ("terms", 2)]


@pytest.mark.parametrize(
    ("source", "never"),
    [("<script>alert(1)</script>", "<script"), ("[x](javascript:alert(1))", 'href="javascript'),
     ('<img src=x onerror="a()">', "<img"), ("[x](data:text/html;base64,AA)", 'href="data:text')],
)  # fmt: skip
def test_markdown_cannot_carry_a_script(source, never):
    assert never not in markdown_html(source)


class TestPages:
    def test_each_text_has_a_page_and_older_versions_stay(self, texts, boss):
        publish(boss, body="New *words*.")
        page = Browser().get("/legal/terms")
        assert page.status_code == 200
        assert b"New <em>words</em>." in page.content
        old = Browser().get("/legal/terms/1")
        assert b"This is an older version" in old.content
        assert b"virtual" in old.content
        assert Browser().get("/legal/privacy").status_code == Browser().get("/legal/risk").status_code == 200

    @pytest.mark.parametrize("path", ["/legal/poem", "/legal/terms/9", "/legal/terms/0", "/legal/terms/99999999999"])
    def test_a_text_that_is_not_there(self, texts, path):
        assert Browser().get(path).status_code == 404

    def test_an_administrator_publishes_and_a_moderator_does_not(self, texts, boss):
        browser = Browser()
        browser.force_login(boss)
        page = browser.get("/admin/accounts/legaltext/add/?kind=risk")
        assert b"Risk disclosure" in page.content
        data = {"kind": "risk", "title": "Risk", "changes": "Clearer.", "body": "Take care.", "reason": "Clarity."}
        assert browser.post("/admin/accounts/legaltext/add/", data).status_code == 302
        assert LegalText.objects.get(kind="risk", version=2).body == "Take care."
        staff = UserFactory(is_staff=True, role="moderator")
        browser.force_login(staff)
        assert browser.post("/admin/accounts/legaltext/add/", data).status_code == 403
