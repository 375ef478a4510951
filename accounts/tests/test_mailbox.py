"""The mailbox of an installation that sends no mail."""

import pytest
from django.test import Client

from accounts.adapters.mail import mail_send
from accounts.adapters.mailbox import mailbox_list, mailbox_read, mailbox_trim
from accounts.adapters.sms import MailboxSms

VERIFY = {"name": "Ann <b>", "url": "http://127.0.0.1:8000/verify/abc", "days": 3}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _local(settings, tmp_path):
    settings.DEBUG, settings.MAIL_IS_LOCAL = True, True
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    settings.EMAIL_BACKEND = "accounts.adapters.mailbox.MailboxBackend"


def test_mail_and_texts_show_newest_first():
    mail_send(to="ann@example.com", template="account/verify", context=VERIFY)
    MailboxSms().send(to="+12025550123", text="123456 is your code")
    page = Client().get("/mailbox").content.decode()
    assert "This installation sends no mail" in page
    assert "ann@example.com" in page
    assert "+12025550123" in page
    assert "sms@localhost" not in page


def test_a_mail_can_be_read_and_its_links_followed():
    mail_send(to="ann@example.com", template="account/verify", context=VERIFY)
    (message,), total = mailbox_list(0, 10)
    assert total == 1
    page = Client().get(f"/mailbox/{message.name}").content.decode()
    assert '<a href="http://127.0.0.1:8000/verify/abc"' in page
    assert "Ann &lt;b&gt;" in page
    assert f'src="/mailbox/{message.name}/html"' in page


def test_the_html_of_a_mail_runs_and_fetches_nothing():
    mail_send(to="ann@example.com", template="account/verify", context=VERIFY)
    (message,), _ = mailbox_list(0, 10)
    answer = Client().get(f"/mailbox/{message.name}/html")
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert '<base target="_blank">' in answer.content.decode()


def test_only_local_installations_have_one(settings):
    mail_send(to="ann@example.com", template="account/verify", context=VERIFY)
    (message,), _ = mailbox_list(0, 10)
    for debug, local in ((False, True), (True, False)):
        settings.DEBUG, settings.MAIL_IS_LOCAL = debug, local
        for address in ("/mailbox", f"/mailbox/{message.name}", f"/mailbox/{message.name}/html"):
            assert Client().get(address).status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fsecret-key", "nothing", ".hidden", "a" * 200, "a.b"])
def test_nothing_else_is_read(name, tmp_path):
    (tmp_path / "secret-key.log").write_text("secret")
    assert Client().get(f"/mailbox/{name}").status_code == 404
    assert mailbox_read("../secret-key") is None


def test_the_newest_are_kept(settings):
    for number in range(8):
        mail_send(to=f"a{number}@example.com", template="account/verify", context=VERIFY)
    assert mailbox_trim(3) == 5
    found, total = mailbox_list(0, 10)
    assert total == 3
    assert [message.to for message in found] == ["a7@example.com", "a6@example.com", "a5@example.com"]


def test_an_empty_mailbox_and_a_broken_file_show_too(settings):
    assert "Nothing was sent yet" in Client().get("/mailbox").content.decode()
    settings.MAILBOX_DIR.mkdir(parents=True)
    (settings.MAILBOX_DIR / "20240101-000000-broken.log").write_bytes(b"\xff\xfe\x00 no header")
    assert Client().get("/mailbox?page=77").status_code == 200
    assert Client().get("/mailbox/20240101-000000-broken").status_code == 200
