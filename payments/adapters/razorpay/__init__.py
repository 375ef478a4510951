"""Razorpay, through its own client: orders, captures, refunds, disputes, RazorpayX payouts, webhooks."""

from functools import lru_cache

from django.conf import settings

from payments.adapters.razorpay.provider import RazorpayProvider


@lru_cache(maxsize=4)
def _made(key: tuple[str, str], url: str, account: str, timeout: float) -> RazorpayProvider:
    return RazorpayProvider(key=key, url=url, account=account, timeout=timeout)


def provider() -> RazorpayProvider:
    """Razorpay as the settings say."""
    return _made(
        (settings.RAZORPAY_KEY_ID, settings.RAZORPAY_KEY_SECRET),
        settings.RAZORPAY_API_URL.rstrip("/"),
        settings.RAZORPAY_X_ACCOUNT,
        settings.PAYMENT_TIMEOUT,
    )
