"""Which addresses may take web push: those of the known push services. Pure."""

from collections.abc import Iterable
from urllib.parse import urlsplit

MAX_ENDPOINT = 500
# A name that begins with a dot stands for every host below it.
PUSH_HOSTS = (
    "fcm.googleapis.com",
    "android.googleapis.com",
    "updates.push.services.mozilla.com",
    ".push.services.mozilla.com",
    ".push.apple.com",
    ".notify.windows.com",
)


def endpoint_allowed(endpoint: str, hosts: Iterable[str] = PUSH_HOSTS, *, schemes: Iterable[str] = ("https",)) -> bool:
    """Whether an endpoint lies at a push service: over TLS, at its usual port, without a user in the address."""
    if len(endpoint) > MAX_ENDPOINT or not endpoint.isascii() or not endpoint.isprintable() or "\\" in endpoint:
        return False
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if parts.scheme not in schemes or "@" in parts.netloc or (parts.scheme == "https" and port not in (None, 443)):
        return False
    return any(host == name or (name.startswith(".") and host.endswith(name)) for name in hosts)
