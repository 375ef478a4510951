"""The client, and its errors in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import stripe

from payments.domain.ports import ProviderError

T = TypeVar("T")

# Nothing is written to the home directory, and nobody is told how long requests take.
stripe.enable_telemetry = False


def client(key: str, url: str, timeout: float) -> stripe.StripeClient:
    """The real client, against the configured address."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": url, "connect": url, "files": url, "meter_events": url},
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


def asked(act: Callable[..., T], *args: Any) -> T:
    """Do it, or raise ProviderError."""
    try:
        return act(*args)
    except stripe.RateLimitError as error:
        raise ProviderError("rate_limited", "Stripe asks us to wait.", is_retryable=True) from error
    except stripe.APIConnectionError as error:
        raise ProviderError("no_connection", "Stripe does not answer.", is_retryable=True, is_unknown=True) from error
    except stripe.CardError as error:
        raise ProviderError(_code(error), error.user_message or "The card was declined.") from error
    except stripe.AuthenticationError as error:
        raise ProviderError("not_authorised", "Stripe does not know our key.", is_retryable=True) from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        raise ProviderError(
            _code(error),
            str(error.user_message or error)[:300],
            is_retryable=status >= 500 or status == 409,
            is_unknown=status >= 500,
        ) from error


def _code(error: Any) -> str:
    return str(getattr(error, "code", None) or getattr(error.error, "type", None) or "stripe_error")
