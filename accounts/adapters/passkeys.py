"""Passkeys for programs, by django-allauth and python-fido2. What allauth keeps in a session, the caller keeps here.

Which site a passkey belongs to is taken from the request, so these run inside allauth's `request_context`.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from fido2.webauthn import UserVerificationRequirement


class PasskeyWrongError(Exception):
    """The answer does not prove possession of a passkey that is known."""


def passkey_begin(user: AbstractBaseUser | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options for the authenticator (JSON as WebAuthn has it), and the state to hand to `passkey_complete`.

    Without a user any passkey of this site may answer, and it must verify its holder.
    """
    verification = UserVerificationRequirement.REQUIRED if user is None else UserVerificationRequirement.PREFERRED
    credentials = [] if user is None else auth.get_credentials(user)
    options, state = auth.get_server().authenticate_begin(credentials=credentials, user_verification=verification)
    return dict(options), dict(state)


def passkey_complete(state: dict[str, Any], answer: Any, *, user: AbstractBaseUser | None = None) -> Any:
    """Whose passkey has answered; with `user`, only theirs will do. Raises PasskeyWrongError."""
    try:
        if not isinstance(answer, dict):
            raise PasskeyWrongError
        owner = user or auth.extract_user_from_response(answer)
        binding = auth.get_server().authenticate_complete(state, auth.get_credentials(owner), answer)
        found: Authenticator | None = auth.get_authenticator_by_credential_id(owner, binding.credential_id)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PasskeyWrongError from error
    if found is None:
        raise PasskeyWrongError
    found.record_usage()
    return owner
