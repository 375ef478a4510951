"""Reads of where people are signed in, and of how their accounts are secured."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import QuerySet
from django.utils import timezone

from accounts.adapters.agents import agent_is_mobile, agent_name
from accounts.adapters.places import names
from accounts.models import Profile, SignIn, User

METHODS = {
    "password": "password",
    "google": "Google",
    "link": "a mailed link",
    "code": "a code",
    "sms": "a code by text message",
    "passkey": "a passkey",
}


@dataclass(frozen=True, slots=True)
class SignInView:
    """One place where a user is signed in, in words."""

    id: UUID
    kind: str
    device: str
    is_mobile: bool
    place: str
    ip: str
    method: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class SecurityView:
    """How an account is secured."""

    has_password: bool
    email: str
    is_verified: bool
    new_email: str
    phone: str
    has_google: bool
    has_authenticator: bool
    passkeys: int
    codes_left: int
    sign_ins: int

    @property
    def has_second_factor(self) -> bool:
        """Whether a stolen password alone lets nobody in."""
        return self.has_authenticator or self.passkeys > 0


def signins_live(user_id: int) -> QuerySet[SignIn]:
    """The sign-ins of a user that go on, the one last seen first."""
    live = SignIn.objects.filter(user_id=user_id, ended_at__isnull=True, expires_at__gt=timezone.now())
    return live.order_by("-last_seen_at", "pk")


def signin_view(signin: SignIn, this: UUID | None = None) -> SignInView:
    """A sign-in in words; `this` is the one of whoever asks."""
    return SignInView(
        id=signin.pk,
        kind=signin.kind,
        device=agent_name(signin.user_agent),
        is_mobile=agent_is_mobile(signin.user_agent),
        place=place_name(signin.country, signin.city, None),
        ip=signin.ip or "",
        method=method_name(signin.method),
        created_at=signin.created_at,
        last_seen_at=signin.last_seen_at,
        expires_at=signin.expires_at,
        is_this=signin.pk == this,
    )


def security_of(user: User, *, codes_left: int) -> SecurityView:
    """How a user's account is secured."""
    addresses = dict(EmailAddress.objects.filter(user_id=user.pk).values_list("email", "verified"))
    kinds = list(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    phones = Profile.objects.filter(pk=user.pk, phone_verified_at__isnull=False).values_list("phone", flat=True)
    pending = [email for email, verified in addresses.items() if not verified and email != user.email]
    return SecurityView(
        has_password=user.has_usable_password(),
        email=user.email,
        is_verified=addresses.get(user.email, False),
        new_email=pending[0] if pending else "",
        phone=phones.first() or "",
        has_google=SocialAccount.objects.filter(user_id=user.pk, provider="google").exists(),
        has_authenticator=Authenticator.Type.TOTP in kinds,
        passkeys=kinds.count(Authenticator.Type.WEBAUTHN),
        codes_left=codes_left,
        sign_ins=signins_live(user.pk).count(),
    )


def place_name(country: str, city: str, ip: str | None) -> str:
    """ "Berlin, Germany", "Germany", or the address when no place is known."""
    known = [part for part in (city, names().get(country, country)) if part]
    return ", ".join(known) or ip or "an unknown place"


def method_name(method: str) -> str:
    """ "password", "Google and a second factor"."""
    first, _, second = method.partition("+")
    words = METHODS.get(first, first or "a session")
    return f"{words} and a second factor" if second else words
