"""Mail as it is written, and as it is handed to SendGrid, Postmark and a mail server."""

import json
import re
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from django.core import mail as outbox

from accounts.adapters.mail import letter_send, mail_render, mail_send, mail_service, message_id_of, retry_seconds
from accounts.domain.sending import SendLaterError, SendRefusedError, SendUnknownError, retry_after
from accounts.tests.vendors import Smtp, Web, closed_port, smtp_server, web_service

VERIFY = {"name": "O'Neil & <Sons>", "url": "http://127.0.0.1:8000/verify/abc", "days": 3}
INACTIVE = (
    "You tried to send to recipient(s) that have been marked as inactive.\nFound inactive addresses: a@b.test.\n"
    "Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression."
)
SENT_BY_POSTMARK = {"To": "a@b.test", "ErrorCode": 0, "Message": "OK", "MessageID": "pm-1", "SubmittedAt": "2024-01-01"}


@pytest.fixture
def web() -> Iterator[Web]:
    with web_service() as service:
        yield service


@pytest.fixture
def smtp(settings) -> Iterator[Smtp]:
    with smtp_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def sendgrid(settings, web) -> Web:
    settings.EMAIL_BACKEND = "anymail.backends.sendgrid.EmailBackend"
    settings.ANYMAIL = {"SENDGRID_API_KEY": "SG.key", "SENDGRID_API_URL": f"{web.url}/v3/", "REQUESTS_TIMEOUT": 5}
    return web


@pytest.fixture
def postmark(settings, web) -> Web:
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token", "POSTMARK_API_URL": f"{web.url}/", "REQUESTS_TIMEOUT": 5}
    web.answer = (200, {"Content-Type": "application/json"}, json.dumps(SENT_BY_POSTMARK).encode())
    return web


def send(to: str = "a@b.test", **more: object) -> str:
    with mail_service() as service:
        return letter_send(service, to=to, letter=mail_render("account/verify", VERIFY), **more)


# ---- Words


def test_the_text_is_plain_and_the_html_is_safe():
    letter = mail_render("account/verify", VERIFY)
    assert letter.subject == "Confirm your email address"
    assert "Hello O'Neil & <Sons>," in letter.text
    assert "O'Neil &amp; &lt;Sons&gt;" in letter.html
    assert "<Sons>" not in letter.html
    assert letter.html.count('href="http://127.0.0.1:8000/verify/abc"') == 1


def test_styles_are_inline_and_nothing_is_fetched():
    html = mail_render("account/verify", VERIFY).html
    assert "<style" not in html
    assert re.search(r'<a href="[^"]*/verify/abc" style="[^"]*background: #4318d8', html)
    assert not re.search(r"<(img|link|script|iframe)\b", html)
    assert "url(" not in html


def test_only_addresses_of_this_site_become_links():
    context = {**VERIFY, "name": "http://evil.example/x http://127.0.0.1:8000.evil.example/ http://127.0.0.1:8000evil"}
    html = mail_render("account/verify", context).html
    assert re.findall(r'href="([^"]*)"', html) == ["http://127.0.0.1:8000", "http://127.0.0.1:8000/verify/abc"]


def test_a_code_stands_alone_and_large():
    html = mail_render("account/code", {"name": "A", "code": "123456"}).html
    assert re.search(r'<p class="code"[^>]*>123456</p>', html)


def test_every_mail_renders_in_both_forms():
    notice = {
        "title": "T", "body": "B", "url": "http://127.0.0.1:8000/x", "action": "Open", "label": "L",
        "is_mandatory": False, "unsubscribe_url": "http://127.0.0.1:8000/u", "settings_url": "http://127.0.0.1:8000/s",
    }  # fmt: skip
    one = mail_render("notices/one", notice)
    assert one.subject == "T"
    assert "Not this kind of mail again: http://127.0.0.1:8000/u" in one.text
    assert "“L” is on for mail" in one.html
    fixed = mail_render("notices/one", {**notice, "unsubscribe_url": "", "is_mandatory": True})
    assert "cannot be switched off" in fixed.text
    assert "cannot be switched off" in fixed.html


@pytest.mark.parametrize("name", ["A\nBcc: victim@example.com", "A\r\nX-Evil: 1"])
def test_no_header_gets_in_by_the_words(name, smtp):
    notice = {"title": name, "body": "", "url": "", "settings_url": "x"}
    with mail_service() as service:
        letter_send(service, to="a@b.test", letter=mail_render("notices/one", notice))
    parsed = message_from_bytes(smtp.taken[0], policy=policy.default)
    assert parsed["Bcc"] is None
    assert parsed["X-Evil"] is None
    assert parsed["Subject"] == "A"


def test_no_header_gets_in_by_the_address(smtp):
    with pytest.raises(SendRefusedError):
        send("a@b.test\nBcc: victim@example.com")
    assert smtp.taken == []


def test_mail_send_is_one_mail():
    mail_send(to="a@b.test", template="account/verify", context=VERIFY)
    (sent,) = outbox.outbox
    assert (sent.to, sent.subject) == (["a@b.test"], "Confirm your email address")
    assert sent.alternatives[0].mimetype == "text/html"


# ---- SMTP


def test_a_mail_server_gets_both_forms_under_one_id(smtp):
    message_id = message_id_of("notice.7")
    assert send(headers={"List-Unsubscribe": "<http://x/u>"}, message_id=message_id) == message_id
    parsed = message_from_bytes(smtp.taken[0], policy=policy.default)
    assert parsed["Message-ID"] == "<notice.7@127.0.0.1>"
    assert parsed["List-Unsubscribe"] == "<http://x/u>"
    assert parsed.get_body(("plain",)).get_content().startswith("Hello")
    assert "<html" in parsed.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("rcpt", "data", "error"),
    [
        ("450 greylisted", "250 fine", SendLaterError),
        ("550 no such user", "250 fine", SendRefusedError),
        ("250 fine", "451 later", SendLaterError),
        ("250 fine", "554 spam", SendRefusedError),
        ("250 fine", None, SendUnknownError),
    ],
)
def test_what_a_mail_server_says_is_told_apart(smtp, rcpt, data, error):
    smtp.rcpt, smtp.data = rcpt, data
    with pytest.raises(error) as failed:
        send()
    assert type(failed.value) is error
    assert "a@b.test" not in str(failed.value)


def test_a_mail_server_that_is_not_there_is_tried_later(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", closed_port()
    with pytest.raises(SendLaterError):
        send()


# ---- SendGrid and Postmark


def test_sendgrid(sendgrid):
    send(headers={"List-Unsubscribe": "<http://x/u>"}, message_id="<notice.7@x>")
    (request,) = sendgrid.sent
    body = json.loads(request["body"])
    assert request["path"] == "/v3/mail/send"
    assert request["headers"]["Authorization"] == "Bearer SG.key"
    assert body["personalizations"][0]["to"] == [{"email": "a@b.test"}]
    assert body["subject"] == "Confirm your email address"
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    headers = {**body.get("headers", {}), **body["personalizations"][0].get("headers", {})}
    assert headers["List-Unsubscribe"] == "<http://x/u>"
    assert headers["Message-ID"] == "<notice.7@x>"


def test_postmark(postmark):
    send(headers={"List-Unsubscribe": "<http://x/u>"}, message_id="<notice.7@x>")
    (request,) = postmark.sent
    body = json.loads(request["body"])
    assert request["path"] == "/email"
    assert request["headers"]["X-Postmark-Server-Token"] == "token"
    assert body["To"] == "a@b.test"
    assert "<html" in body["HtmlBody"]
    assert body["TextBody"].startswith("Hello")
    headers = {item["Name"]: item["Value"] for item in body["Headers"]}
    assert headers["Message-ID"] == "<notice.7@x>"
    assert headers["X-PM-KeepID"] == "true"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, {}, b"oops"), SendLaterError),
        ((503, {}, b""), SendLaterError),
        ((429, {"Retry-After": "120"}, b""), SendLaterError),
        ((401, {}, b'{"errors": []}'), SendLaterError),
        ((400, {}, b'{"errors": [{"message": "bad a@b.test"}]}'), SendRefusedError),
        (None, SendUnknownError),
    ],
)
def test_what_a_service_answers_is_told_apart(sendgrid, answer, error):
    sendgrid.script = [answer]
    with pytest.raises(error) as failed:
        send()
    assert type(failed.value) is error
    assert "a@b.test" not in str(failed.value)
    if answer and answer[0] == 429:
        assert failed.value.after == 120


def test_postmark_refuses_a_recipient(postmark):
    refusal = {"ErrorCode": 406, "Message": INACTIVE}
    postmark.answer = (422, {"Content-Type": "application/json"}, json.dumps(refusal).encode())
    with pytest.raises(SendRefusedError):
        send()


def test_an_answer_that_does_not_say_what_became_of_it(postmark):
    refusal = {"ErrorCode": 406, "Message": "Something about the recipient that nobody has seen before."}
    postmark.answer = (422, {"Content-Type": "application/json"}, json.dumps(refusal).encode())
    with pytest.raises(SendUnknownError):
        send()


def test_a_service_that_answers_nonsense_may_have_sent_it(postmark):
    postmark.answer = (200, {"Content-Type": "application/json"}, b"<html>")
    with pytest.raises(SendUnknownError):
        send()


def test_a_service_that_is_not_there_is_tried_later(settings):
    settings.EMAIL_BACKEND = "anymail.backends.sendgrid.EmailBackend"
    settings.ANYMAIL = {"SENDGRID_API_KEY": "k", "SENDGRID_API_URL": f"http://127.0.0.1:{closed_port()}/v3/"}
    with pytest.raises(SendLaterError):
        send()


def test_a_service_that_does_not_answer_in_time_may_have_sent_it(settings):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "anymail.backends.sendgrid.EmailBackend"
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v3/"
        settings.ANYMAIL = {"SENDGRID_API_KEY": "k", "SENDGRID_API_URL": url, "REQUESTS_TIMEOUT": 0.3}
        with pytest.raises(SendUnknownError):
            send()


# ---- Waiting


@pytest.mark.parametrize(("header", "seconds"), [("17", 17.0), (None, None), ("soon", None), ("", None)])
def test_retry_after(header, seconds):
    assert retry_seconds(header) == seconds
    assert retry_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_waits_grow_and_end():
    waits = [retry_after(number) for number in range(1, 8)]
    assert [wait and wait.total_seconds() for wait in waits] == [30, 120, 480, 1920, 7680, None, None]
    assert retry_after(1, 300).total_seconds() == 300
    assert retry_after(1, 10**9).total_seconds() == 6 * 3600
