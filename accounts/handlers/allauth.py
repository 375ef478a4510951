"""What follows from what django-allauth tells by its signals: audit, events, notifications.

Passwords, addresses and phone numbers go through services of ours, which tell of themselves.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.services.notices import notify_in_tx
from core.services import audit, outbox
from core.throttling import address

FACTORS = {
    Authenticator.Type.TOTP: "An authenticator app",
    Authenticator.Type.WEBAUTHN: "A passkey",
    Authenticator.Type.RECOVERY_CODES: "Recovery codes",
}


@receiver(social_account_added, dispatch_uid="accounts.social_added")
def _connected(request: HttpRequest, sociallogin: Any, **_: Any) -> None:
    account: SocialAccount = sociallogin.account
    _tell(request, account.user_id, "social_connected", account.provider, "Google was connected to your account")


@receiver(social_account_removed, dispatch_uid="accounts.social_removed")
def _disconnected(request: HttpRequest, socialaccount: SocialAccount, **_: Any) -> None:
    what = "Google was disconnected from your account"
    _tell(request, socialaccount.user_id, "social_disconnected", socialaccount.provider, what)


@receiver(authenticator_added, dispatch_uid="accounts.factor_added")
def _factor_added(request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    verb = "were made" if authenticator.type == Authenticator.Type.RECOVERY_CODES else "was added"
    _tell(request, user.pk, "factor_added", authenticator.type, f"{_factor(authenticator)} {verb}")


@receiver(authenticator_removed, dispatch_uid="accounts.factor_removed")
def _factor_removed(request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    verb = "were removed" if authenticator.type == Authenticator.Type.RECOVERY_CODES else "was removed"
    _tell(request, user.pk, "factor_removed", authenticator.type, f"{_factor(authenticator)} {verb}")


@receiver(authenticator_reset, dispatch_uid="accounts.factor_reset")
def _factor_reset(request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any) -> None:
    _tell(request, user.pk, "factor_reset", authenticator.type, "Your recovery codes were made anew")


def _factor(authenticator: Authenticator) -> str:
    return FACTORS.get(authenticator.type, "A second factor")


def _tell(request: HttpRequest, user_id: int, action: str, reason: str, what: str) -> None:
    with transaction.atomic():
        entry = audit.record(
            actor=request.user if request.user.is_authenticated else None,
            action=action,
            subject_type="user",
            subject_id=user_id,
            reason=str(reason),
            ip=address(request),
        )
        outbox.emit(topic=f"accounts.{action}", aggregate=f"user:{user_id}", payload={"user_id": user_id})
        notify_in_tx(
            user_id=user_id,
            kind="security_changed",
            dedupe=f"{action}:{entry.pk}",
            params={"what": what},
            url="/settings/security",
        )
