"""How the sandbox signs what it tells: HMAC-SHA256 over time and raw body, with a key of this installation only."""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from django.conf import settings

from payments.domain.ports import BadWebhookError, Hint, Ignored, ObjectKind
from payments.models import SandboxEvent

HEADER = "x-sandbox-signature"


def signature(body: bytes, at: int) -> str:
    """The value of the header for a body and a time in seconds."""
    key = hmac.new(settings.SECRET_KEY.encode(), b"payments sandbox", sha256).digest()
    return f"t={at},v1={hmac.new(key, str(at).encode() + b'.' + body, sha256).hexdigest()}"


def body_of(event: SandboxEvent) -> bytes:
    """An event as it is sent."""
    return json.dumps(
        {
            "id": event.ref,
            "type": event.type,
            "created": event.created_at.isoformat(),
            "object": {"kind": event.object_kind, "ref": event.object_ref},
        }
    ).encode()


def read(body: bytes, headers: Mapping[str, str], now: datetime) -> Hint | Ignored:
    """Verify and read a webhook. Raises BadWebhookError."""
    given = headers.get(HEADER, "")
    stamp = given.partition(",")[0].removeprefix("t=")
    if not (stamp.isascii() and stamp.isdigit()):
        raise BadWebhookError("signature_missing", "There is no signature.")
    at = int(stamp)
    if not hmac.compare_digest(signature(body, at).encode(), given.encode()):
        raise BadWebhookError("signature_wrong", "The signature is not the sandbox's.")
    if abs(now.timestamp() - at) > settings.WEBHOOK_TOLERANCE:
        raise BadWebhookError("signature_stale", "The webhook is too old, or from the future.")
    try:
        told = json.loads(body)
        kind, ref = str(told["object"]["kind"]), str(told["object"]["ref"])
        created = datetime.fromisoformat(told["created"])
        event_id, event_type = str(told["id"]), str(told["type"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadWebhookError("body_unreadable", "The body cannot be read.") from error
    created = created if created.tzinfo else created.replace(tzinfo=UTC)
    if kind not in set(ObjectKind):
        return Ignored(event_id, event_type, f"Nothing is done about a {kind}.", created)
    return Hint(event_id, event_type, ObjectKind(kind), ref, created)
