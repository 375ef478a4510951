"""Amounts as Stripe counts them: its minor units differ from ISO 4217 for a few currencies. Pure.

Source: Stripe's documentation on zero-decimal and three-decimal currencies. Three-decimal amounts end in 0; of ISK and
UGX Stripe counts hundredths, which must be whole.
"""

from core.money import exponent
from payments.domain.ports import ProviderError

_HUNDREDTHS = frozenset({"ISK", "UGX"})


def to_stripe(minor: int, currency: str) -> int:
    """Our minor units as Stripe's. Raises ProviderError for an amount that Stripe cannot take."""
    if exponent(currency) == 3 and minor % 10:
        raise ProviderError("amount_not_whole", f"In {currency} an amount must end in 0 for Stripe.")
    return minor * 100 if currency in _HUNDREDTHS and exponent(currency) == 0 else minor


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's minor units as ours."""
    code = currency.upper()
    return amount // 100 if code in _HUNDREDTHS and exponent(code) == 0 else amount
