"""How programs sign in: a password, a code or a passkey, then the second factor, then a pair of tokens."""

from typing import Any

from allauth.mfa.models import Authenticator

from accounts.adapters.passkeys import PasskeyWrongError, passkey_begin, passkey_complete
from accounts.domain.client import Client
from accounts.models import User
from accounts.services.codes import signin_code_use
from accounts.services.credentials import credentials_verify, refuse_suspended
from accounts.services.factors import second_factor_check, second_factor_needed
from accounts.services.tickets import Ticket, ticket_invalid, ticket_make, ticket_read, ticket_use_up
from accounts.services.tokens import TokenPair, tokens_issue
from core.errors import DomainError

PASSKEY = "passkey"
# What allauth calls a second factor, and what the API calls it.
_METHODS = {"totp": "totp", "recovery_codes": "recovery_code", "webauthn": PASSKEY}


def by_password(*, email: str, password: str, code: str, client: Client) -> TokenPair:
    """Sign in with a password, and with a code of the second factor where there is one.

    Without the code `second_factor_required` brings a ticket for `by_second_factor`.
    """
    user = credentials_verify(email=email, password=password)
    return _after_first(user=user, method="password", code=code, client=client)


def by_code(*, ticket: str, code: str, client: Client) -> TokenPair:
    """Sign in with a code that came by mail or text message."""
    used = signin_code_use(ticket=ticket, code=code)
    return _after_first(user=used.user, method="sms" if used.channel == "sms" else "code", code="", client=client)


def by_second_factor(*, ticket: str, code: str, client: Client) -> TokenPair:
    """The second step after `second_factor_required`: a code of the authenticator, or a recovery code."""
    held, user = _known(ticket)
    second_factor_check(user=user, code=code, ip=client.ip)
    ticket_use_up(held)
    return tokens_issue(user=user, client=client, method=f"{held.method}+mfa")


def passkey_options(*, ticket: str = "") -> tuple[dict[str, Any], str]:
    """Options for a passkey and the ticket that its answer needs; with a ticket, for the second factor of its user."""
    user, method = None, PASSKEY
    if ticket:
        held, user = _known(ticket)
        method = held.method
    options, state = passkey_begin(user)
    return options, ticket_make(user=user, method=method, state=state)


def by_passkey(*, ticket: str, credential: Any, client: Client) -> TokenPair:
    """Sign in with a passkey, alone or as the second factor of whom the ticket names."""
    held, known = ticket_read(ticket, user=False)
    if not held.state:
        raise ticket_invalid()
    ticket_use_up(held)  # A challenge is answered once, rightly or wrongly.
    try:
        user: User = passkey_complete(held.state, credential, user=known)
    except PasskeyWrongError as error:
        raise DomainError("passkey_wrong", "This passkey is not known here.", status=401) from error
    if not user.is_active:
        raise DomainError("passkey_wrong", "This passkey is not known here.", status=401)
    refuse_suspended(user)
    return tokens_issue(user=user, client=client, method=PASSKEY if known is None else f"{held.method}+mfa")


def _after_first(*, user: User, method: str, code: str, client: Client) -> TokenPair:
    if not second_factor_needed(user):
        return tokens_issue(user=user, client=client, method=method)
    if code:
        second_factor_check(user=user, code=code, ip=client.ip)
        return tokens_issue(user=user, client=client, method=f"{method}+mfa")
    message = "Send a code of your second factor as well."
    details = {"ticket": ticket_make(user=user, method=method), "methods": _methods(user)}
    raise DomainError("second_factor_required", message, details, status=401)


def _known(ticket: str) -> tuple[Ticket, User]:
    """A ticket of a user whose second factor is wanted."""
    held, user = ticket_read(ticket, user=True)
    if user is None or held.state:
        raise ticket_invalid()
    return held, user


def _methods(user: User) -> list[str]:
    kinds = Authenticator.objects.filter(user=user).values_list("type", flat=True)
    return sorted({_METHODS[kind] for kind in kinds if kind in _METHODS})
