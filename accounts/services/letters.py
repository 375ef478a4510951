"""The mails of the entrance: asked for in the transaction of what they are about, made and sent by a task afterwards.

So an answer takes as long for a known address as for an unknown one, no event holds a link, and a mail that failed is
tried again.
"""

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings

from accounts.adapters.mail import mail_send
from accounts.models import User
from core.services import outbox

VERIFY, KNOWN, RESET, CHANGE = "verify", "known", "reset", "change"


def letter_ask_in_tx(*, kind: str, user_id: int) -> None:
    """Have a mail sent once the caller's transaction commits.

    Kinds: `verify` (the link that proves the address of the account), `change` (the same for an address that is to
    replace it), `reset` (the link to choose a new password), `known` (someone signed up with an address that has an
    account).
    """
    payload = {"user_id": user_id, "kind": kind}
    outbox.emit(topic="accounts.letter_wanted", aggregate=f"letter:{user_id}", payload=payload)


def letter_send(*, kind: str, user_id: int) -> bool:
    """Write and send a mail that was asked for; False when it has become needless."""
    user = User.objects.filter(pk=user_id, is_active=True, anonymised_at__isnull=True).first()
    if user is None:
        return False
    address = _unverified(user, of_account=kind != CHANGE) if kind in (VERIFY, CHANGE) else None
    if kind in (VERIFY, CHANGE):
        if address is None:
            return False
        context = {"name": user.display_name, "url": verify_url(address), "days": _days()}
        mail_send(to=address.email, template=f"account/{kind}", context=context)
    elif kind == RESET:
        context = {"name": user.display_name, "url": reset_url(user), "minutes": settings.PASSWORD_RESET_TIMEOUT // 60}
        mail_send(to=user.email, template="account/reset", context=context)
    else:
        _send_known(user)
    return True


def verify_url(address: EmailAddress) -> str:
    """The link that proves an address. Signed, not stored; good for three days, until the address is verified."""
    return f"{settings.SITE_URL}/verify/{EmailConfirmationHMAC.create(address).key}"


def reset_url(user: User) -> str:
    """The link to choose a new password. It dies with the password, with a sign-in, and after an hour."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    return f"{settings.SITE_URL}/password/reset/{key}"


def _send_known(user: User) -> None:
    """To someone whose address was given at sign-up: how to get in, and the link when it was never opened."""
    address = _unverified(user, of_account=True)
    context = {
        "name": user.display_name,
        "verify_url": verify_url(address) if address is not None else "",
        "sign_in_url": f"{settings.SITE_URL}/sign-in",
        "reset_url": f"{settings.SITE_URL}/password/reset",
    }
    mail_send(to=user.email, template="account/known", context=context)


def _unverified(user: User, *, of_account: bool) -> EmailAddress | None:
    addresses = EmailAddress.objects.filter(user=user, verified=False)
    if of_account:
        return addresses.filter(email=user.email).first()
    return addresses.exclude(email=user.email).order_by("-pk").first()


def _days() -> int:
    return int(settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS)
