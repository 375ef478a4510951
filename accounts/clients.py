"""Who knocks, read from a request: address, agent, device, place. Only what cannot be made up counts."""

import re
import secrets
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.adapters.crypto import keyed_hash
from accounts.adapters.geo import place_of
from accounts.domain.client import Client
from core.throttling import address

DEVICE_COOKIE = "device"
DEVICE_AGE = 400 * 86_400
SIGN_IN = "sign_in"  # in the session: the sign-in that it belongs to
MAX_AGENT = 300
_DEVICE = re.compile(r"[A-Za-z0-9_-]{43}")
_COUNTRY = re.compile(r"[A-Z]{2}")
# What proxies say when they do not know.
_NO_COUNTRY = frozenset({"XX", "T1", "ZZ"})


def client_of(request: Any) -> Client:
    """The other end of a request (Django's or DRF's).

    The address is by NUM_PROXIES, the country by COUNTRY_HEADER or else GEOIP_PATH; a header that the configuration
    does not name changes nothing. Requests to the API have no device.
    """
    ip = _address(request)
    place = place_of(ip)
    country = _country(request) if settings.COUNTRY_HEADER else place.country
    city = place.city if country == place.country else ""
    agent = str(request.META.get("HTTP_USER_AGENT", "")).replace("\x00", "")[:MAX_AGENT]
    return Client(ip=ip, user_agent=agent, device=_device(request), country=country, city=city)


def device_ensure(request: HttpRequest) -> None:
    """Give a browser that signs in a device cookie, unless it has one; `device_send` sends it."""
    if not _cookie(request):
        request.device_new = secrets.token_urlsafe(32)  # type: ignore[attr-defined]


def device_send(request: HttpRequest, response: HttpResponse) -> None:
    """Set the cookie of a browser that signs in: fresh, or for another 400 days."""
    if not hasattr(request, "device_new"):
        return
    response.set_cookie(
        DEVICE_COOKIE,
        request.device_new,
        max_age=DEVICE_AGE,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def sign_in_of(request: Any) -> UUID | None:
    """The sign-in (SignIn) of the request's browser session."""
    session = getattr(request, "session", None)
    kept = session.get(SIGN_IN) if session is not None else None
    try:
        return UUID(kept["id"]) if kept else None
    except (KeyError, TypeError, ValueError):
        return None


def _address(request: Any) -> str | None:
    try:
        return str(ip_address(address(request).strip()))
    except ValueError:
        return None


def _country(request: Any) -> str:
    name = "HTTP_" + settings.COUNTRY_HEADER.upper().replace("-", "_")
    found = str(request.META.get(name, "")).strip().upper()
    return found if _COUNTRY.fullmatch(found) and found not in _NO_COUNTRY else ""


def _device(request: Any) -> str:
    if getattr(request, "path_info", "").startswith("/api/"):
        return ""
    cookie = getattr(request, "device_new", "") or _cookie(request)
    return keyed_hash("device", cookie) if cookie else ""


def _cookie(request: Any) -> str:
    found = str(request.COOKIES.get(DEVICE_COOKIE, ""))
    return found if _DEVICE.fullmatch(found) else ""
