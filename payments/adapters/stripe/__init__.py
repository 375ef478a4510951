"""Stripe, through its own client: Checkout, Billing, refunds, disputes, Connect transfers, webhooks."""

from functools import lru_cache

from django.conf import settings

from payments.adapters.stripe.provider import StripeProvider


@lru_cache(maxsize=4)
def _made(key: str, url: str, timeout: float) -> StripeProvider:
    return StripeProvider(key=key, url=url, timeout=timeout)


def provider() -> StripeProvider:
    """Stripe as the settings say."""
    return _made(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL.rstrip("/"), settings.PAYMENT_TIMEOUT)
