"""Browsers that take web push."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from django.conf import settings
from django.db import transaction

from accounts.adapters.webpush import push_is_set_up
from accounts.domain.push_hosts import endpoint_allowed
from accounts.locks import user_lock
from accounts.models import PushSubscription
from core.errors import Invalid, Unavailable

MOST = 10


def push_subscribe(*, user_id: int, endpoint: str, p256dh: str, auth: str, user_agent: str = "") -> PushSubscription:
    """Have a browser told of this user's notifications. The same browser again is the same subscription.

    A browser that another user had goes over to this one. Of more than ten the oldest go. Raises Invalid for an address
    that is no push service's and for keys that are none, Unavailable where web push is not set up.
    """
    if not push_is_set_up():
        raise Unavailable("push_not_set_up", "This installation does not send web push.")
    if not endpoint_allowed(endpoint, settings.PUSH_HOSTS):
        message = "This is not the address of a push service that we know."
        raise Invalid("endpoint_invalid", message, {"field": "endpoint"})
    _keys_check(p256dh, auth)
    values = {"user_id": user_id, "p256dh": p256dh, "auth": auth, "user_agent": user_agent[:300], "failures": 0}
    with transaction.atomic(durable=True):
        user_lock(user_id)
        row, _ = PushSubscription.objects.update_or_create(endpoint=endpoint, defaults=values)
        kept = PushSubscription.objects.filter(user_id=user_id).order_by("-pk").values_list("pk", flat=True)
        extra = [pk for pk in kept[: MOST * 2] if pk != row.pk][MOST - 1 :]
        if extra:
            PushSubscription.objects.filter(pk__in=extra).delete()
    return row


def push_unsubscribe(*, user_id: int, endpoint: str) -> bool:
    """Tell this browser nothing more; False when it was told nothing."""
    with transaction.atomic(durable=True):
        gone, _ = PushSubscription.objects.filter(user_id=user_id, endpoint=endpoint).delete()
    return bool(gone)


def _keys_check(p256dh: str, auth: str) -> None:
    try:
        point, secret = _decode(p256dh), _decode(auth)
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except (ValueError, binascii.Error) as error:
        raise Invalid("push_keys_invalid", "These are not the keys of a push subscription.") from error
    if len(point) != 65 or len(secret) != 16:
        raise Invalid("push_keys_invalid", "These are not the keys of a push subscription.")


def _decode(text: str) -> bytes:
    if len(text) > 120 or not text.isascii():
        raise ValueError("too long for a key")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
