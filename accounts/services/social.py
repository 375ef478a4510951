"""Accounts that begin with another service's word for who someone is."""

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services.emails import email_verified_in_tx
from accounts.services.users import display_name_clean, email_clean, signups_require_open
from core.errors import Conflict
from core.services import audit, outbox


def social_user_create(
    *, email: str, display_name: str, provider: str, uid: str, ip: str | None = None
) -> tuple[User, SocialAccount]:
    """Make a user for someone whose address the provider has proved. There is no password until one is set.

    Of what the provider tells only its id for the person and the address are kept. Raises `email_taken` when the
    address has an account: it is not for the provider to say who may use it.
    """
    signups_require_open()
    email, name = email_clean(email), display_name_clean(display_name)
    try:
        with transaction.atomic(durable=True):
            user = User.objects.create_user(email, None, display_name=name)
            address = EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
            account = SocialAccount.objects.create(user=user, provider=provider, uid=uid, extra_data={"email": email})
            payload = {"user_id": user.pk, "kind": user.kind}
            outbox.emit(topic="accounts.user_created", aggregate=f"user:{user.pk}", payload=payload)
            audit.record(
                actor=user, action="user_created", subject_type="user", subject_id=user.pk, reason=provider, ip=ip
            )
            email_verified_in_tx(user, address, because=provider)
    except IntegrityError as error:
        message = "There is already an account with this email address. Sign in to it, then connect Google."
        raise Conflict("email_taken", message) from error
    return user, account
