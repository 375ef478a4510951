"""Codes by mail and by text message, and the numbers that they go to."""

import re
from base64 import b64decode
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from hypothesis import given
from hypothesis import strategies as st

from accounts.adapters.sms import MailboxSms, TwilioSms, sms
from accounts.domain.ports import MessageNotSentError
from accounts.models import Notification, Profile
from accounts.services import codes, phones
from accounts.tests.factories import UserFactory
from core import throttling
from core.errors import DomainError
from core.models import AuditEntry
from core.redis import client as redis
from core.services import outbox
from core.tests.threads import race

NUMBER = "+12025550123"
pytestmark = pytest.mark.django_db


class Twilio(BaseHTTPRequestHandler):
    """Twilio's Messages API, as far as sending goes."""

    sent: list[dict[str, str]] = []
    status = 201

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        user = b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        type(self).sent.append({"path": self.path, "auth": user, **form})
        self.send_response(type(self).status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        answer = b'{"sid": "SM1", "status": "queued"}'
        refusal = b'{"code": 21211, "message": "Invalid number +12025550123", "status": 400}'
        self.wfile.write(answer if type(self).status == 201 else refusal)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def twilio(settings) -> Iterator[type[Twilio]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Twilio)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    Twilio.sent, Twilio.status = [], 201
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC1", "secret", "+15005550006"
    settings.TWILIO_API_URL = f"http://127.0.0.1:{server.server_port}"
    yield Twilio
    server.shutdown()
    server.server_close()


@pytest.fixture
def user():
    return UserFactory(email="ann@example.com")


@pytest.fixture
def phoned(user):
    from django.utils import timezone

    Profile.objects.filter(pk=user.pk).update(phone=NUMBER, phone_verified_at=timezone.now())
    return user


def digits(text: str) -> str:
    return re.search(r"\b\d{6}\b", text).group()


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


# ---- The carriers ----


def test_twilio_is_asked_as_it_documents(twilio):
    TwilioSms().send(to=NUMBER, text="hello")
    assert twilio.sent == [
        {
            "path": "/2010-04-01/Accounts/AC1/Messages.json",
            "auth": "AC1:secret",
            "To": NUMBER,
            "From": "+15005550006",
            "Body": "hello",
        }
    ]


def test_a_refusal_of_twilio_is_ours_and_quotes_nothing(twilio):
    twilio.status = 400
    with pytest.raises(MessageNotSentError) as error:
        TwilioSms().send(to=NUMBER, text="hello")
    assert NUMBER not in str(error.value)
    assert error.value.__cause__ is None


def test_no_answer_is_a_refusal_too(settings, twilio):
    settings.TWILIO_API_URL = "http://127.0.0.1:9"
    with pytest.raises(MessageNotSentError):
        TwilioSms().send(to=NUMBER, text="hello")


def test_a_text_is_kept_in_the_mailbox_of_a_local_installation_only(settings, tmp_path):
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    assert sms() is None
    settings.DEBUG = True
    carrier = sms()
    assert isinstance(carrier, MailboxSms)
    carrier.send(to=NUMBER, text="123456 is your code.\nSecond line.")
    (file,) = settings.MAILBOX_DIR.iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert NUMBER in message["To"]
    assert message["Subject"] == "123456 is your code."
    assert "Second line." in message.get_content()


# ---- To sign in ----


def test_a_code_by_mail_signs_in(client, user):
    response = client.post("/sign-in/code?next=/risk", {"to": "ANN@example.com", "next": "/risk"})
    assert response["Location"] == "/sign-in/code/confirm?next=%2Frisk"
    outbox.drain()
    code = digits(mail.outbox[-1].body)
    wrong = client.post(response["Location"], {"code": other_than(code)})
    assert (wrong.status_code, SESSION_KEY in client.session) == (422, False)
    right = client.post(response["Location"], {"code": f"{code[:3]} {code[3:]}"})
    assert right["Location"] == "/risk"
    assert client.session[SESSION_KEY] == str(user.pk)


def test_a_code_by_text_signs_in(client, phoned, twilio):
    page = client.get("/sign-in/code").content.decode()
    assert "By text message" in page
    client.post("/sign-in/code", {"channel": "sms", "to": "+1 (202) 555-0123"})
    outbox.drain()
    (text,) = twilio.sent
    assert text["To"] == NUMBER
    response = client.post("/sign-in/code/confirm", {"code": digits(text["Body"])})
    assert response.status_code == 302
    assert client.session[SESSION_KEY] == str(phoned.pk)


def test_unknown_ones_are_answered_the_same_and_cost_no_message(client, phoned, twilio):
    for data in ({"channel": "sms", "to": "+12025550199"}, {"channel": "email", "to": "nobody@example.com"}):
        response = client.post("/sign-in/code", data)
        assert response["Location"] == "/sign-in/code/confirm"
        assert client.get("/sign-in/code/confirm").status_code == 200
        outbox.drain()
        refused = [client.post("/sign-in/code/confirm", {"code": "000000"}) for _ in range(6)]
        assert {response.status_code for response in refused} == {422}
        assert "expired" in refused[-1].context["form"].non_field_errors()[0]
    assert (twilio.sent, mail.outbox) == ([], [])


def test_a_number_that_is_not_proved_is_unknown(client, user, twilio):
    Profile.objects.filter(pk=user.pk).update(phone=NUMBER)
    client.post("/sign-in/code", {"channel": "sms", "to": NUMBER})
    outbox.drain()
    assert twilio.sent == []


def test_without_a_carrier_the_page_offers_mail(client, user):
    page = client.get("/sign-in/code").content.decode()
    assert "not set up" in page
    assert "By text message" not in page
    with pytest.raises(DomainError) as refusal:
        codes.signin_code_request(channel=codes.SMS, to=NUMBER)
    assert (refusal.value.code, refusal.value.status) == ("sms_not_set_up", 503)


def test_a_code_belongs_to_the_browser_that_asked(client, user):
    from django.test import Client

    thief = Client()
    thief.post("/sign-in/code", {"to": user.email})
    client.post("/sign-in/code", {"to": user.email})
    outbox.drain()
    mine = digits(mail.outbox[-1].body)
    assert thief.post("/sign-in/code/confirm", {"code": mine}).status_code == 422
    assert client.post("/sign-in/code/confirm", {"code": mine}).status_code == 302


def test_a_code_works_once_and_five_tries_are_all(user):
    ticket = codes.signin_code_request(channel=codes.EMAIL, to=user.email)
    outbox.drain()
    code = digits(mail.outbox[-1].body)
    assert codes.signin_code_use(ticket=ticket, code=code).user == user
    with pytest.raises(DomainError):
        codes.signin_code_use(ticket=ticket, code=code)
    ticket = codes.signin_code_request(channel=codes.EMAIL, to=user.email)
    outbox.drain()
    code = digits(mail.outbox[-1].body)
    said = []
    for _ in range(codes.TRIES):
        with pytest.raises(DomainError) as refusal:
            codes.signin_code_use(ticket=ticket, code=other_than(code))
        said.append(refusal.value.code)
    assert said == ["code_wrong"] * 4 + ["code_expired"]
    with pytest.raises(DomainError) as refusal:
        codes.signin_code_use(ticket=ticket, code=code)
    assert refusal.value.code == "code_expired"


def test_codes_are_kept_as_hashes_for_ten_minutes(user):
    ticket = codes.signin_code_request(channel=codes.EMAIL, to=user.email)
    outbox.drain()
    code = digits(mail.outbox[-1].body)
    (key,) = redis().keys("signin:code:*")
    assert 0 < redis().ttl(key) <= 600
    assert ticket not in key
    assert code not in str(redis().hgetall(key))


def test_requests_are_limited_by_target_and_by_address(client, user, monkeypatch):
    monkeypatch.setattr(throttling._NamedThrottle, "THROTTLE_RATES", {"auth": "99/min", "codes": "2/hour"})
    said = [client.post("/sign-in/code", {"to": user.email}).status_code for _ in range(3)]
    assert said == [302, 302, 429]
    elsewhere = client.post("/sign-in/code", {"to": user.email}, REMOTE_ADDR="10.1.1.1")
    assert elsewhere.status_code == 429
    other = client.post("/sign-in/code", {"to": "x@example.com"}, REMOTE_ADDR="10.1.1.1")
    assert other.status_code == 302


def test_suspended_people_get_in_by_no_code(client, user):
    client.post("/sign-in/code", {"to": user.email})
    outbox.drain()
    code = digits(mail.outbox[-1].body)
    type(user).objects.update(status="suspended")
    refused = client.post("/sign-in/code/confirm", {"code": code})
    assert refused.context["form"].non_field_errors() == ["Your account is suspended."]
    assert SESSION_KEY not in client.session


@pytest.mark.django_db(transaction=True)
def test_of_racing_uses_of_one_code_one_wins():
    code = codes.code_make("race:code", user_id=1)
    outcomes = race(5, lambda _: codes.code_check("race:code", code)["user_id"])
    assert [outcome for outcome in outcomes if outcome == "1"] == ["1"]


# ---- Numbers ----


def cleaned(text: str, country: str) -> str:
    """The number, or the code of the refusal."""
    try:
        return phones.phone_clean(text, country=country)
    except DomainError as error:
        return error.code


def test_a_number_is_proved_by_the_code_that_is_texted_to_it(client, user, twilio):
    client.post("/sign-in", {"email": user.email, "password": "correct-horse-battery"})
    asked = client.post("/settings/security/phone", {"phone": "+1 202 555 0123"})
    assert asked["Location"] == "/settings/security/phone/code"
    code = digits(twilio.sent[-1]["Body"])
    wrong = client.post(asked["Location"], {"code": other_than(code)})
    assert wrong.status_code == 422
    assert not Profile.objects.get(pk=user.pk).phone
    assert client.post(asked["Location"], {"code": code})["Location"] == "/settings/security/phone"
    profile = Profile.objects.get(pk=user.pk)
    assert (profile.phone, profile.phone_verified_at is not None) == (NUMBER, True)
    assert NUMBER in client.get("/settings/security/phone").content.decode()
    assert Notification.objects.filter(user=user, kind="security_changed").count() == 1
    client.post("/settings/security/phone/remove")
    assert Profile.objects.get(pk=user.pk).phone == ""
    assert not [row for row in AuditEntry.objects.values() if NUMBER in str(row)]


def test_a_number_has_one_owner(phoned, twilio):
    other = UserFactory()
    phones.phone_code_send(user_id=other.pk, phone=NUMBER)
    with pytest.raises(DomainError) as refusal:
        phones.phone_verify(user_id=other.pk, code=digits(twilio.sent[-1]["Body"]))
    assert refusal.value.code == "phone_taken"
    assert not Profile.objects.get(pk=other.pk).phone


def test_a_text_that_is_not_sent_is_said(user, twilio):
    twilio.status = 500
    with pytest.raises(DomainError) as refusal:
        phones.phone_code_send(user_id=user.pk, phone=NUMBER)
    assert (refusal.value.code, refusal.value.status) == ("sms_not_sent", 503)


@pytest.mark.parametrize(
    ("text", "country", "result"),
    [
        ("+1 (202) 555-0123", "", NUMBER),
        ("202 555 0123", "US", NUMBER),
        ("07400 123456", "GB", "+447400123456"),
        ("07400 123456", "", "phone_invalid"),
        ("+1 555", "", "phone_invalid"),
        ("nonsense", "US", "phone_invalid"),
        ("+44 909 8790000", "", "phone_not_mobile"),
        ("+1 900 555 0123", "", "phone_not_mobile"),
    ],
)
def test_numbers_are_read_as_people_write_them(text, country, result):
    assert cleaned(text, country) == result


@given(st.text(max_size=60))
def test_whatever_is_written_is_a_number_or_refused(text):
    assert re.fullmatch(r"\+[1-9]\d{6,14}|phone_invalid|phone_not_mobile", cleaned(text, "US"))
