"""The client, and its errors in our words.

The client tells errors apart by their description only, waits for ever, prints, and trusts a list of certificate
authorities of 2015. So its HTTP session is ours: it sets the time-out, trusts today's list, and says what went wrong
before the client does.
"""

from __future__ import annotations

from typing import Any

import razorpay
import requests

from payments.domain.ports import ProviderError


class Session(requests.Session):
    """Waits `seconds` for an answer, and raises ProviderError for any that is no success."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def request(self, method: str, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Ask once. Raises ProviderError."""
        options |= {"timeout": self.seconds, "verify": True}
        try:
            answer = super().request(method, url, *args, **options)
        except requests.RequestException as error:
            raise ProviderError(
                "no_connection", "Razorpay does not answer.", is_retryable=True, is_unknown=True
            ) from error
        if not answer.ok:
            raise _problem(answer)
        if answer.status_code != 204:
            _readable(answer)
        return answer


def _readable(answer: requests.Response) -> None:
    try:
        answer.json()
    except ValueError as error:
        message = "Razorpay answered what cannot be read."
        raise ProviderError("answer_unreadable", message, is_retryable=True, is_unknown=True) from error


def _problem(answer: requests.Response) -> ProviderError:
    status = answer.status_code
    if status == 429:
        return ProviderError("rate_limited", "Razorpay asks us to wait.", is_retryable=True)
    if status == 401:
        return ProviderError("not_authorised", "Razorpay does not know our key.", is_retryable=True)
    try:
        told = answer.json()["error"]
        reason = "" if told.get("reason") in (None, "NA") else told["reason"]
        code = str(reason or told.get("code") or "razorpay_error").lower()
        message = str(told.get("description") or "Razorpay refuses it.")
    except (ValueError, KeyError, TypeError, AttributeError):
        code, message = "razorpay_error", f"Razorpay answered {status}."
    # 409: the same request is under way just now.
    return ProviderError(
        code[:60], message[:300], is_retryable=status >= 500 or status == 409, is_unknown=status >= 500
    )


def client(key: tuple[str, str], url: str, timeout: float) -> razorpay.Client:
    """The real client, against the configured address."""
    return razorpay.Client(auth=key, base_url=url, session=Session(timeout))
