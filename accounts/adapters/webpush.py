"""Web push: encrypted for the browser, signed with this installation's key, handed to the browser's push service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests
from django.conf import settings
from py_vapid import VapidException
from pywebpush import WebPushException, webpush
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, RequestException

from accounts.adapters.mail import retry_seconds
from accounts.domain.sending import SendLaterError, SendRefusedError, SendUnknownError

TIMEOUT = 10.0
TTL = 86_400
_GONE = (404, 410)


class PushGoneError(SendRefusedError):
    """The browser takes no push any more: its subscription is over."""


class _Session(requests.Session):
    """Follows no redirect: a push service answers by itself, and nothing else shall be reached through it."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request."""
        kwargs["allow_redirects"] = False
        return super().request(*args, **kwargs)


def push_is_set_up() -> bool:
    """Whether this installation has the keys that web push takes."""
    return bool(settings.VAPID_PUBLIC_KEY and settings.VAPID_PRIVATE_KEY)


def push_send(*, endpoint: str, p256dh: str, auth: str, data: Mapping[str, str], urgent: bool = False) -> None:
    """Send one push. Raises PushGoneError, SendLaterError, SendRefusedError or SendUnknownError."""
    keys = {"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}
    try:
        with _Session() as session:
            webpush(
                keys,
                json.dumps(dict(data)),
                vapid_private_key=settings.VAPID_PRIVATE_KEY,
                vapid_claims={"sub": _contact()},
                timeout=TIMEOUT,
                ttl=TTL,
                headers={"Urgency": "high" if urgent else "normal"},
                requests_session=session,
            )
    except WebPushException as error:
        raise _of_answer(error) from error
    except ConnectTimeout as error:
        raise SendLaterError(type(error).__name__) from error
    except RequestsConnectionError as error:
        raise SendUnknownError(type(error).__name__) from error
    except RequestException as error:
        raise SendUnknownError(type(error).__name__) from error
    except (VapidException, ValueError, TypeError) as error:  # keys that are none
        raise SendRefusedError(type(error).__name__) from error


def _of_answer(error: WebPushException) -> Exception:
    status = error.status_code
    if status in _GONE:
        return PushGoneError(f"the push service answered {status}")
    if status is not None and (status == 429 or status >= 500 or status in (401, 403)):
        return SendLaterError(f"the push service answered {status}", retry_seconds(error.retry_after))
    return SendRefusedError(f"the push service answered {status}" if status else "the subscription's keys are invalid")


def _contact() -> str:
    """Whom a push service turns to when something is wrong with what we send."""
    contact = settings.VAPID_CONTACT
    if not contact:
        return str(settings.SITE_URL)
    return str(contact) if ":" in contact else f"mailto:{contact}"
