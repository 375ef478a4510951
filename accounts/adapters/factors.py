"""How django-allauth keeps and names second factors: secrets encrypted, names in our words."""

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser

from accounts.adapters import crypto
from accounts.adapters.agents import UNKNOWN, agent_name


class MfaAdapter(DefaultMFAAdapter):
    """Second factors."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This is not the code. Wait for the next one and try again.",
        "cannot_delete_authenticator": "This second factor cannot be removed.",
        "unverified_email": "Confirm your email address first.",
    }

    def encrypt(self, text: str) -> str:
        """A secret as it is stored."""
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """A secret as it is used. Raises UnreadableSecretError."""
        return crypto.decrypt(encrypted_text)

    def generate_authenticator_name(self, user: AbstractBaseUser, type: object) -> str:  # noqa: A002, ARG002
        """What to call a new passkey: where it was made."""
        name = agent_name(str(context.request.META.get("HTTP_USER_AGENT", ""))[:300])
        return "Passkey" if name == UNKNOWN else name

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The site that a passkey belongs to."""
        host = context.request.get_host().rsplit(":", 1)[0]
        return {"id": host, "name": settings.MFA_TOTP_ISSUER}
