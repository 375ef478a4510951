"""Sending what people are told: once, later when it failed, never again when nobody knows."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import (
    Notification,
    NotificationDelivery,
    NotificationSettings,
    Profile,
    User,
)
from accounts.services import digests
from accounts.services.deliveries import deliveries_send, delivery_retry, notifications_forget
from accounts.services.digests import digests_send
from accounts.services.notice_choices import wishes_save
from accounts.services.notices import Notice, notices_read, notify_in_tx, notify_many_in_tx
from accounts.tests.factories import UserFactory
from accounts.tests.vendors import Smtp, Web, closed_port, smtp_server, web_service
from core.errors import Conflict, Invalid
from core.models import AuditEntry
from core.tests.threads import race

pytestmark = pytest.mark.django_db


def tell(user: User, kind: str = "contest_started", dedupe: str = "one", **params: object) -> NotificationDelivery:
    params = {"contest": "Spring", **params}
    notice = notify_in_tx(user_id=user.pk, kind=kind, dedupe=dedupe, params=params, url="/contests/spring")
    return NotificationDelivery.objects.filter(notification_id=notice).order_by("channel").first()


def states() -> list[str]:
    return list(NotificationDelivery.objects.order_by("pk").values_list("status", flat=True))


def due_now() -> None:
    NotificationDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def smtp(settings) -> Iterator[Smtp]:
    with smtp_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def web(settings) -> Iterator[Web]:
    with web_service() as service:
        settings.EMAIL_BACKEND = "anymail.backends.sendgrid.EmailBackend"
        settings.ANYMAIL = {"SENDGRID_API_KEY": "k", "SENDGRID_API_URL": f"{service.url}/v3/", "REQUESTS_TIMEOUT": 5}
        yield service


# ---- Once


def test_a_mail_goes_out_with_its_end_in_one_click():
    user = UserFactory()
    tell(user)
    assert deliveries_send()["sent"] == 1
    assert deliveries_send()["sent"] == 0
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([user.email], "Spring has started")
    assert "http://127.0.0.1:8000/contests/spring" in sent.body
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<(http://127\.0\.0\.1:8000/\S+)>", sent.extra_headers["List-Unsubscribe"]).group(1)
    assert link in sent.body
    Client().post(urlsplit(link).path)
    tell(user, dedupe="two")
    assert deliveries_send()["sent"] == 0
    row = NotificationDelivery.objects.get()
    assert (row.status, row.attempts) == ("sent", 1)
    assert row.message_id == f"<notice.{row.notification_id}@127.0.0.1>"


def test_mail_about_security_has_no_end():
    tell(UserFactory(), "security_changed", what="Your password was changed")
    deliveries_send()
    assert "List-Unsubscribe" not in mail.outbox[0].extra_headers
    assert "cannot be switched off" in mail.outbox[0].body


@pytest.mark.django_db(transaction=True)
def test_many_senders_send_each_mail_once(smtp):
    users = [UserFactory() for _ in range(20)]
    for user in users:
        tell(user)
    results = race(4, lambda _: deliveries_send())
    assert sum(result["sent"] for result in results) == 20
    assert len(smtp.taken) == 20
    assert {line.split("<")[1].split(">")[0] for line in smtp.recipients} == {user.email for user in users}


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_dies_while_sending_leaves_what_nobody_sends_again(smtp, monkeypatch):
    row = tell(UserFactory())
    taken = smtp.taken

    def die(*args: object, **kwargs: object) -> None:
        raise SystemExit

    # The mail is handed over; then the process is gone before it can write that down.
    monkeypatch.setattr("accounts.services.deliveries.sent_settle", die)
    with pytest.raises(SystemExit):
        deliveries_send()
    monkeypatch.undo()
    assert (len(taken), states()) == (1, ["sending"])
    assert deliveries_send()["sent"] == 0
    due_now()
    deliveries_send()
    assert states() == ["unknown"]
    due_now()
    deliveries_send()
    assert len(taken) == 1
    # An operator may decide otherwise; a reader's program knows it by its id.
    admin = UserFactory(is_staff=True, is_superuser=True)
    delivery_retry(actor=admin, delivery_id=row.pk, reason="asked for by phone")
    deliveries_send()
    assert states() == ["sent"]
    first, second = (re.search(rb"Message-ID: (\S+)", text).group(1) for text in taken)
    assert first == second


# ---- Later, or never


@pytest.mark.parametrize("answer", [(500, {}, b""), (429, {"Retry-After": "600"}, b""), (503, {}, b"")])
def test_what_certainly_failed_is_tried_again_after_a_while(web, answer):
    tell(UserFactory())
    web.script = [answer]
    before = timezone.now()
    assert deliveries_send()["pending"] == 1
    row = NotificationDelivery.objects.get()
    wait = (row.next_at - before).total_seconds()
    assert (600 if answer[0] == 429 else 30) <= wait <= (605 if answer[0] == 429 else 35)
    assert deliveries_send()["sent"] == 0
    due_now()
    assert deliveries_send()["sent"] == 1
    assert len(web.sent) == 2
    assert NotificationDelivery.objects.get().error == ""


def test_it_ends_after_six_attempts(web):
    tell(UserFactory())
    web.answer = (500, {}, b"")
    for _ in range(10):
        due_now()
        deliveries_send()
    row = NotificationDelivery.objects.get()
    assert (row.status, row.attempts, len(web.sent)) == ("failed", 6, 6)
    assert row.error == "the service answered 500"


def test_what_is_refused_is_not_tried_again(web):
    tell(UserFactory())
    web.script = [(400, {}, b"{}")]
    deliveries_send()
    due_now()
    deliveries_send()
    assert (states(), len(web.sent)) == (["failed"], 1)


def test_an_answer_that_got_lost_is_not_asked_for_twice(web):
    tell(UserFactory())
    web.script = [None]
    deliveries_send()
    due_now()
    deliveries_send()
    assert (states(), len(web.sent)) == (["unknown"], 1)


def test_one_bad_mail_keeps_no_other_back(smtp):
    smtp.rcpt = "550 no such user"
    first = tell(UserFactory())
    deliveries_send()
    smtp.rcpt = "250 fine"
    for _ in range(3):
        tell(UserFactory())
    assert deliveries_send()["sent"] == 3
    assert NotificationDelivery.objects.get(pk=first.pk).status == "failed"


def test_a_service_that_fails_rests_until_the_next_run(web):
    for _ in range(8):
        tell(UserFactory())
    web.answer = (503, {}, b"")
    deliveries_send()
    assert len(web.sent) == 3
    assert states().count("pending") == 8


def test_a_mail_server_that_is_not_there_costs_no_attempt(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", closed_port()
    tell(UserFactory())
    deliveries_send()
    row = NotificationDelivery.objects.get()
    assert (row.status, row.attempts) == ("pending", 0)


# ---- Not any more, not yet


def test_what_was_switched_off_since_then_does_not_go_out():
    user = UserFactory()
    tell(user)
    wishes_save(user_id=user.pk, choices={("contest_started", "email"): False})
    deliveries_send()
    assert (states(), mail.outbox) == (["skipped"], [])


def test_nothing_goes_to_an_address_that_nobody_proved_or_to_who_has_left():
    tell(UserFactory(verified=False))
    left = UserFactory()
    tell(left)
    User.objects.filter(pk=left.pk).update(is_active=False, anonymised_at=timezone.now())
    deliveries_send()
    assert (states(), mail.outbox) == (["skipped", "skipped"], [])


def test_a_mail_that_comes_into_quiet_hours_waits_for_their_end():
    user = UserFactory()
    tell(user)
    tell(user, "margin_call", "two", account="A", message="m")
    Profile.objects.filter(user=user).update(time_zone="UTC")
    now = datetime.now(tz=UTC)
    NotificationSettings.objects.create(
        user=user, quiet_from=(now - timedelta(hours=1)).time(), quiet_until=(now + timedelta(hours=2)).time()
    )
    deliveries_send()
    assert states() == ["held", "sent"]
    assert mail.outbox[0].subject == "Margin call on A"
    NotificationSettings.objects.update(quiet_from=None, quiet_until=None)
    due_now()
    deliveries_send()
    assert states() == ["sent", "sent"]


# ---- Digests


@pytest.fixture
def reader() -> User:
    user = UserFactory()
    NotificationSettings.objects.create(user=user, digest="daily")
    return user


def test_what_can_wait_goes_out_as_one_mail(reader):
    tell(reader)
    tell(reader, "contest_cancelled", "two", reason="Too few people.")
    tell(reader, "payout", "three", amount="10.00 USD", status="paid", message="m")
    seen = tell(reader, "contest_started", "four", contest="Seen")
    notices_read(user_id=reader.pk, ids=[seen.notification_id])
    deliveries_send()
    assert mail.outbox == []
    assert digests_send().total() == 0
    due_now()
    assert digests_send()["sent"] == 1
    (sent,) = mail.outbox
    assert sent.subject == "Your payout of 10.00 USD is paid, and 2 more"
    assert "Spring has started" in sent.body
    assert "Seen has started" not in sent.body
    assert sent.body.index("Contests") < sent.body.index("Money")
    assert "Your day at Trading Arena" in sent.alternatives[0].content
    assert sorted(states()) == ["sent", "sent", "sent", "skipped"]
    due_now()
    digests_send()
    assert len(mail.outbox) == 1


def test_a_digest_is_bounded(reader):
    notify_many_in_tx([Notice(reader.pk, "contest_started", str(n), {"contest": f"No{n}."}) for n in range(70)])
    due_now()
    digests_send()
    (sent,) = mail.outbox
    assert sent.body.count("has started") == 50
    assert "And 20 more: http://127.0.0.1:8000/notifications" in sent.body
    assert "No69." in sent.body
    assert "No19." not in sent.body


def test_a_digest_that_failed_goes_out_whole_later(reader, web):
    for number in range(3):
        tell(reader, dedupe=str(number))
    web.script = [(500, {}, b"")]
    due_now()
    digests_send()
    assert states() == ["pending"] * 3
    due_now()
    digests_send()
    assert states() == ["sent"] * 3
    assert len(web.sent) == 2


@pytest.mark.django_db(transaction=True)
def test_two_senders_write_one_digest(smtp):
    user = UserFactory()
    NotificationSettings.objects.create(user=user, digest="daily")
    for number in range(30):
        tell(user, dedupe=str(number))
    due_now()
    race(4, lambda _: digests_send())
    assert len(smtp.taken) == 1
    assert set(states()) == {"sent"}


def test_the_link_of_a_digest_ends_it(reader):
    tell(reader)
    due_now()
    digests_send()
    link = mail.outbox[0].extra_headers["List-Unsubscribe"].strip("<>")
    Client().post(urlsplit(link).path)
    assert NotificationSettings.objects.get(user=reader).digest == "off"


def test_a_digest_waits_for_quiet_hours_that_were_set_since_then(reader):
    tell(reader)
    due_now()
    wishes_save(user_id=reader.pk, quiet_from=time(0), quiet_until=time(23, 59, 59))
    digests_send()
    assert (states(), mail.outbox) == (["held"], [])
    assert digests.PEOPLE_A_RUN > 0


# ---- Operators, retention


def test_an_operator_sends_again_with_a_reason_that_is_audited(web):
    admin = UserFactory(is_staff=True, is_superuser=True)
    row = tell(UserFactory())
    with pytest.raises(Conflict):
        delivery_retry(actor=admin, delivery_id=row.pk, reason="why not")
    NotificationDelivery.objects.update(status="failed", attempts=6)
    with pytest.raises(Invalid):
        delivery_retry(actor=admin, delivery_id=row.pk, reason=" ")
    client = Client()
    client.force_login(admin)
    changes = reverse("admin:accounts_notificationdelivery_changelist")
    client.post(changes, {"action": "retry", "_selected_action": [row.pk], "reason": "mended"})
    deliveries_send()
    assert states() == ["sent"]
    entry = AuditEntry.objects.get(action="delivery_retry")
    assert (entry.actor_id, entry.reason, entry.subject_id) == (admin.pk, "mended", str(row.pk))
    assert client.get(changes).status_code == 200
    assert client.get(reverse("admin:accounts_notification_changelist")).status_code == 200


def test_the_operators_list_asks_no_question_a_row(django_assert_max_num_queries):
    admin = UserFactory(is_staff=True, is_superuser=True)
    for number in range(30):
        tell(UserFactory(), dedupe=str(number))
    client = Client()
    client.force_login(admin)
    changes = reverse("admin:accounts_notificationdelivery_changelist")
    client.get(changes)
    with django_assert_max_num_queries(14):
        client.get(changes)


def test_old_notifications_go_with_their_deliveries():
    old = tell(UserFactory())
    new = tell(UserFactory(), dedupe="two")
    Notification.objects.filter(pk=old.notification_id).update(created_at=timezone.now() - timedelta(days=181))
    assert notifications_forget(before=timezone.now() - timedelta(days=180), batch=1) == 1
    assert list(NotificationDelivery.objects.all()) == [new]


def test_runs_are_bounded(web):
    for number in range(6):
        tell(UserFactory(), dedupe=str(number))
    deliveries_send(most=4)
    assert states().count("sent") == 4
    assert deliveries_send(seconds=0)["sent"] == 0
    assert threading.active_count() < 50
