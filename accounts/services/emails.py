"""Email addresses: proved by a link, changed by proving the new one."""

import hashlib
import logging

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.db import IntegrityError, transaction

from accounts.adapters.mail import mail_send
from accounts.locks import user_lock
from accounts.models import User
from accounts.services.clearance import clearance_refresh_in_tx
from accounts.services.letters import CHANGE, KNOWN, VERIFY, letter_ask_in_tx
from accounts.services.notices import notify_in_tx
from accounts.services.users import email_clean
from core.errors import Conflict, DomainError, Invalid
from core.services import audit, outbox
from core.throttling import limit

logger = logging.getLogger(__name__)


def verification_send(user: User) -> None:
    """Mail the link that proves the account's address (again). Raises `rate_limited`; a proved address gets none."""
    _limit(user.email)
    with transaction.atomic(durable=True):
        if not EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
            letter_ask_in_tx(kind=VERIFY, user_id=user.pk)


def verification_send_again(*, email: str) -> None:
    """The same for an address that someone says is theirs: known, proved or neither, the answer is the same."""
    email = email_clean(email)
    _limit(email)
    user = User.objects.filter(email=email, is_active=True).first()
    if user is None:
        return
    with transaction.atomic(durable=True):
        proved = EmailAddress.objects.filter(user=user, email=email, verified=True).exists()
        letter_ask_in_tx(kind=KNOWN if proved else VERIFY, user_id=user.pk)


def email_verify_by_key(key: str) -> User:
    """Prove an address by the link that was mailed to it; an address that was to replace another does so now.

    Raises `link_invalid` (410) for one that was used, has expired or was never made; `email_taken` when somebody else
    has proved the address meanwhile.
    """
    confirmation = email_of_key(key)
    if confirmation is None:
        raise link_invalid()
    with transaction.atomic(durable=True):
        user = user_lock(confirmation.user_id)
        address = EmailAddress.objects.filter(pk=confirmation.pk, user=user, verified=False).first()
        if address is None:
            raise link_invalid()
        old = user.email
        email_verified_in_tx(user, address, because="link")
    if old != user.email:
        _tell_old_address(old, user)
    return user


def email_of_key(key: str) -> EmailAddress | None:
    """The address that a link would prove, or None when the link is dead."""
    found = EmailConfirmationHMAC.from_key(key) if len(key) <= 300 else None
    return None if found is None else found.email_address


def email_mark_verified(*, user_id: int, because: str, actor: User | None = None) -> User:
    """Take a user's address for proved without a link: `because` says why, and stays in the audit."""
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        email_mark_verified_in_tx(user, because=because, actor=actor)
    return user


def email_mark_verified_in_tx(user: User, *, because: str, actor: User | None = None) -> None:
    """`email_mark_verified` for a locked user; a proved address stays as it is."""
    address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
    if not address.verified:
        email_verified_in_tx(user, address, because=because, actor=actor)


def email_verified_in_tx(user: User, address: EmailAddress, *, because: str, actor: User | None = None) -> None:
    """An address of a locked user is proved: it is the account's from now on, and clearance follows."""
    is_change = address.email != user.email
    try:
        with transaction.atomic():
            if is_change:
                EmailAddress.objects.filter(user=user).exclude(pk=address.pk).delete()
                user.email = address.email
                user.save(update_fields=["email"])
            address.verified = address.primary = True
            address.save(update_fields=["verified", "primary"])
    except IntegrityError as error:
        raise Conflict("email_taken", "There is already an account with this email address.") from error
    clearance_refresh_in_tx(user)
    action = "email_changed" if is_change else "email_verified"
    audit.record(actor=actor or user, action=action, subject_type="user", subject_id=user.pk, reason=because)
    outbox.emit(topic=f"accounts.{action}", aggregate=f"user:{user.pk}", payload={"user_id": user.pk})
    if is_change:
        notify_in_tx(
            user_id=user.pk,
            kind="security_changed",
            dedupe=f"email:{address.pk}",
            params={"what": "Your email address was changed"},
            url="/settings/security",
        )


def email_change_request(*, user_id: int, email: str, ip: str | None = None) -> None:
    """Mail a link to the address that is to replace the account's; until it is opened nothing changes.

    An address that has another account is answered the same, and its owner is told.
    """
    email = email_clean(email)
    limit("codes", f"email-change:{user_id}")
    _limit(email)
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        if email == user.email:
            raise Invalid("invalid", "This is your address already.", {"email": ["This is your address already."]})
        EmailAddress.objects.filter(user=user, verified=False).exclude(email=user.email).delete()
        EmailAddress.objects.create(user=user, email=email, primary=False, verified=False)
        other = User.objects.filter(email=email).only("pk").first()
        letter_ask_in_tx(kind=CHANGE if other is None else KNOWN, user_id=user.pk if other is None else other.pk)
        audit.record(actor=user, action="email_change_requested", subject_type="user", subject_id=user.pk, ip=ip)


def email_change_cancel(*, user_id: int) -> None:
    """Forget the address that was to replace the account's; links to it die."""
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        EmailAddress.objects.filter(user=user, verified=False).exclude(email=user.email).delete()


def email_pending(user: User) -> str:
    """The address that is to replace the account's, or nothing."""
    found = EmailAddress.objects.filter(user=user, verified=False).exclude(email=user.email).order_by("-pk").first()
    return found.email if found is not None else ""


def link_invalid() -> DomainError:
    """The refusal of a link that opens nothing."""
    return DomainError("link_invalid", "This link has been used or has expired. Ask for a new one.", status=410)


def _limit(email: str) -> None:
    limit("codes", f"mail:{hashlib.sha256(email.encode()).hexdigest()[:32]}")


def _tell_old_address(old: str, user: User) -> None:
    """The address is nowhere in our tables any more, so this mail is sent at once; failing, it is only logged."""
    try:
        mail_send(to=old, template="account/changed", context={"name": user.display_name})
    except Exception:
        logger.exception("the former address of user %s was not told of the change", user.pk)
