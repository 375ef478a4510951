"""Second factors: a code counts once, wrong ones cost time, secrets are not readable in the table."""

import json
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.management import call_command
from django.urls import reverse

from accounts.adapters import crypto
from accounts.models import Notification, SignIn
from accounts.services import factors
from accounts.tests.factories import PASSWORD, UserFactory
from core.errors import DomainError
from core.models import AuditEntry
from core.redis import client as redis
from core.tests.threads import race

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(offset=0, secret=SECRET):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + offset))


def wrong():
    """A code that is none of those around now."""
    near = {code(offset) for offset in range(-3, 4)}
    return next(text for text in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
                if text not in near)  # fmt: skip


@pytest.fixture
def user():
    made = UserFactory(email="ann@example.com", display_name="Ann")
    TOTP.activate(made, SECRET)
    RecoveryCodes.activate(made)
    yield made
    redis().delete(f"factor:wrong:{made.pk}", f"factor:wait:{made.pk}")


def codes_of(user):
    return RecoveryCodes.activate(user).get_unused_codes()


def refused(act, wanted):
    with pytest.raises(DomainError) as caught:
        act()
    assert caught.value.code == wanted
    return caught.value


def test_who_has_none_needs_none():
    other = UserFactory()
    assert not factors.second_factor_needed(other)
    refused(lambda: factors.second_factor_check(user=other, code="123456"), "code_wrong")


def test_a_code_of_the_app_counts_once(user):
    assert factors.second_factor_needed(user)
    now = code()
    assert factors.second_factor_check(user=user, code=f" {now[:3]} {now[3:]} ") == "totp"
    refused(lambda: factors.second_factor_check(user=user, code=now), "code_wrong")
    refused(lambda: factors.second_factor_check(user=user, code=code(-1)), "code_wrong")
    assert factors.second_factor_check(user=user, code=code(1)) == "totp"


def test_a_recovery_code_counts_once_and_is_told_of(user):
    first = codes_of(user)[0]
    assert factors.second_factor_check(user=user, code=first, ip="8.8.8.8") == "recovery_code"
    assert factors.recovery_codes_left(user.pk) == 9
    entry = AuditEntry.objects.get(action="recovery_code_used")
    assert (entry.actor_id, entry.ip, entry.after) == (user.pk, "8.8.8.8", {"left": 9})
    (notice,) = Notification.objects.filter(user=user, kind="security_changed")
    assert "9 are left" in notice.title
    assert first not in notice.title + notice.body
    refused(lambda: factors.second_factor_check(user=user, code=first), "code_wrong")


@pytest.mark.parametrize("text", ["", "abcdef", "１２３４５６", "12345678901234567890", "12 34\x0056", "-1"])
def test_what_is_no_code_is_wrong(user, text):
    refused(lambda: factors.second_factor_check(user=user, code=text), "code_wrong")


def test_wrong_codes_cost_ever_more_time(user):
    for _ in range(6):
        refused(lambda: factors.second_factor_check(user=user, code=wrong()), "code_wrong")
    error = refused(lambda: factors.second_factor_check(user=user, code=code()), "rate_limited")
    assert error.status == 429
    assert 0 < error.details["retry_after"] <= 30
    redis().delete(f"factor:wait:{user.pk}")
    refused(lambda: factors.second_factor_check(user=user, code=wrong()), "code_wrong")
    assert 30 < redis().ttl(f"factor:wait:{user.pk}") <= 60
    redis().delete(f"factor:wait:{user.pk}")
    assert factors.second_factor_check(user=user, code=code()) == "totp"
    refused(lambda: factors.second_factor_check(user=user, code=wrong()), "code_wrong")


@pytest.mark.django_db(transaction=True)
def test_racing_with_one_code_lets_one_in(user):
    now = code()
    results = race(4, lambda _: factors.second_factor_check(user=user, code=now))
    assert results.count("totp") == 1


@pytest.mark.django_db(transaction=True)
def test_racing_guesses_are_counted(user):
    results = race(12, lambda _: factors.second_factor_check(user=user, code=wrong()))
    codes = [error.code for error in results]
    assert codes.count("code_wrong") <= 6
    assert set(codes) == {"code_wrong", "rate_limited"}


def test_secrets_are_encrypted_and_keys_rotate(user, settings):
    row = Authenticator.objects.get(user=user, type="totp")
    assert SECRET not in json.dumps(row.data)
    codes, old = codes_of(user), settings.FIELD_KEYS
    settings.FIELD_KEYS = ["a-new-key", *old]
    assert factors.second_factor_check(user=user, code=codes[0]) == "recovery_code"
    assert not crypto.is_current(row.data["secret"])
    assert factors.factors_reencrypt() == (2, 0)
    settings.FIELD_KEYS = ["a-new-key"]
    assert factors.second_factor_check(user=user, code=code()) == "totp"
    assert factors.second_factor_check(user=user, code=codes[1]) == "recovery_code"
    call_command("reencrypt_factors")
    settings.FIELD_KEYS = ["another"]
    refused(lambda: factors.second_factor_check(user=user, code=code(1)), "code_wrong")
    assert factors.factors_reencrypt() == (0, 2)


def sign_in(client, **data):
    return client.post("/sign-in", {"email": "ann@example.com", "password": PASSWORD, **data})


def test_sign_in_asks_for_the_code(client, user):
    response = sign_in(client, next="/contests")
    assert (response.status_code, response.url) == (302, "/sign-in/second-factor")
    assert "_auth_user_id" not in client.session
    assert client.get("/settings/security").status_code == 302
    page = client.get("/sign-in/second-factor")
    assert b"recovery codes" in page.content
    response = client.post("/sign-in/second-factor", {"code": wrong()})
    assert response.status_code == 422
    assert b"This is not the code" in response.content
    response = client.post("/sign-in/second-factor", {"code": code()})
    assert (response.status_code, response.url) == (302, "/contests")
    assert SignIn.objects.get(user=user).method == "password+mfa"


def test_too_many_wrong_codes_at_sign_in(client, user):
    sign_in(client)
    for _ in range(6):
        assert client.post("/sign-in/second-factor", {"code": wrong()}).status_code == 422
    response = client.post("/sign-in/second-factor", {"code": code()})
    assert response.status_code == 429
    assert b"Too many wrong codes" in response.content


def test_nobody_passes_the_step_without_the_password(client, user):
    response = client.post("/sign-in/second-factor", {"code": code()})
    assert (response.status_code, response.url) == (302, "/sign-in")


def test_a_trusted_browser_is_not_asked_again_until_the_factors_change(client, user):
    sign_in(client)
    response = client.post("/sign-in/second-factor", {"code": code(), "trust": "on"})
    assert response.status_code == 302
    assert client.cookies["mfa_trusted"]["httponly"]
    client.post("/sign-out")
    assert sign_in(client).url == "/"
    assert SignIn.objects.latest("created_at").method == "password"
    client.post("/sign-out")
    TOTP.activate(UserFactory(), SECRET)
    Authenticator.objects.filter(user=user, type="totp").delete()
    TOTP.activate(user, SECRET)
    assert sign_in(client).url == "/sign-in/second-factor"


MADE_UP = (
    "", "{", "[]", "1", "{}", '{"id": 1}', '{"response": []}', '{"response": {"userHandle": 5}}',
    '{"id":"AA","rawId":"AA","type":"public-key","response":{}}',
)  # fmt: skip


@pytest.mark.parametrize("answer", MADE_UP)
def test_an_answer_that_no_passkey_gave(client, user, answer):
    for at in ("/sign-in/passkey", "/sign-in/second-factor"):
        sign_in(client)
        client.get(at)
        response = client.post(at, {"credential": answer})
        assert response.status_code in (302, 422)
        assert "_auth_user_id" not in client.session


def set_up(client):
    """Ann, who has just proved who she is."""
    user = UserFactory(email="ann@example.com")
    sign_in(client)
    return user


def test_setting_an_app_up(client, django_capture_on_commit_callbacks):
    user = set_up(client)
    page = client.get("/settings/security/authenticator")
    secret = page.context["form"].secret
    assert page.context["totp_svg_data_uri"].startswith("data:image/svg+xml;base64,")
    assert secret.encode() in page.content
    assert page["Cache-Control"].startswith("max-age=0")
    assert client.post("/settings/security/authenticator", {"code": "12"}).status_code == 422
    assert not factors.second_factor_needed(user)
    first = code(secret=secret)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post("/settings/security/authenticator", {"code": first})
    assert response.url == "/settings/security/recovery-codes"
    refused(lambda: factors.second_factor_check(user=user, code=first), "code_wrong")
    shown = client.get(response.url)
    assert shown.context["codes"] == codes_of(user)
    file = client.get("/settings/security/recovery-codes/download")
    assert all(one in file.content.decode() for one in codes_of(user))
    assert AuditEntry.objects.filter(action="factor_added").count() == 2
    session = client.session
    session["recovery_codes_until"] = time.time() - 1
    session.save()
    later = client.get(response.url)
    assert later.context["codes"] is None
    assert not any(one.encode() in later.content for one in codes_of(user))
    assert client.get("/settings/security/recovery-codes/download").status_code == 404


def test_new_codes_end_the_old_ones(client):
    user = set_up(client)
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    before = codes_of(user)
    assert client.get("/settings/security/recovery-codes/new").status_code == 200
    assert codes_of(user) == before
    client.post("/settings/security/recovery-codes/new")
    assert not set(before) & set(codes_of(user))
    refused(lambda: factors.second_factor_check(user=user, code=before[0]), "code_wrong")


def test_removing_the_app_removes_its_codes(client):
    user = set_up(client)
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    assert client.get("/settings/security/authenticator/remove").status_code == 200
    assert factors.second_factor_needed(user)
    assert client.post("/settings/security/authenticator/remove").url == "/settings/security"
    assert not Authenticator.objects.filter(user=user).exists()
    assert {entry.reason for entry in AuditEntry.objects.filter(action="factor_removed")} == {"totp", "recovery_codes"}


@pytest.mark.parametrize("name", ["mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes"])
def test_what_is_sensitive_asks_again(client, name):
    user = UserFactory()
    TOTP.activate(user, SECRET)
    client.force_login(user)
    for method in (client.get, client.post):
        response = method(reverse(name))
        assert response.status_code == 302
        assert response.url.startswith(("/reauthenticate", "/settings/security/authenticator/remove"))
    response = client.post("/reauthenticate/second-factor?next=/settings/security/passkeys", {"code": wrong()})
    assert response.status_code == 422
    response = client.post("/reauthenticate/second-factor?next=/settings/security/passkeys", {"code": code()})
    assert response.url == "/settings/security/passkeys"
    assert client.get(reverse("mfa_add_webauthn")).status_code == 200


def test_an_unconfirmed_address_gets_no_factor(client):
    user = set_up(client)
    EmailAddress.objects.create(user=user, email="new@example.com", verified=False)
    response = client.get("/settings/security/authenticator")
    assert (response.status_code, response.url) == (302, "/settings/security")


@pytest.mark.parametrize("has_factor", [False, True])
def test_operators_bring_a_second_factor(client, settings, has_factor):
    settings.REQUIRE_STAFF_MFA = True
    staff = UserFactory(email="ann@example.com", is_staff=True, is_superuser=True)
    client.force_login(staff)
    if not has_factor:
        assert client.get("/admin/").url == "/settings/security"
        assert b"administration opens with a second factor only" in client.get("/settings/security").content
        return
    TOTP.activate(staff, SECRET)
    response = client.get("/admin/accounts/user/")
    assert response.url == "/reauthenticate/second-factor?next=%2Fadmin%2Faccounts%2Fuser%2F"
    assert client.post(response.url, {"code": code()}).url == "/admin/accounts/user/"
    assert client.get("/admin/accounts/user/").status_code == 200


def test_the_overview_says_how_the_account_is_secured(client, django_assert_max_num_queries):
    set_up(client)
    with django_assert_max_num_queries(16):
        page = client.get("/settings/security")
    assert b"Your password is all that is asked for" in page.content


def test_passkeys_of_others_are_not_there(client):
    set_up(client)
    other = Authenticator.objects.create(user=UserFactory(), type="webauthn", data={"name": "Key", "credential": {}})
    for act in ("edit", "remove"):
        at = f"/settings/security/passkeys/{other.pk}/{act}"
        assert client.get(at).status_code == 404
        assert client.post(at, {"name": "Mine"}).status_code == 404
    other.refresh_from_db()
    assert other.data["name"] == "Key"


def test_a_passkey_is_renamed_and_removed(client):
    user = set_up(client)
    row = Authenticator.objects.create(user=user, type="webauthn", data={"name": "Key", "credential": {}})
    at = f"/settings/security/passkeys/{row.pk}"
    assert client.post(f"{at}/edit", {"name": ""}).status_code == 422
    assert client.post(f"{at}/edit", {"name": "x" * 61}).status_code == 422
    client.post(f"{at}/edit", {"name": "Laptop"})
    assert b"Laptop" in client.get("/settings/security/passkeys").content
    assert b"only second factor" in client.get(f"{at}/remove").content
    client.post(f"{at}/remove")
    assert not Authenticator.objects.filter(user=user).exists()
