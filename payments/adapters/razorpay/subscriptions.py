"""What the port asks about subscriptions: Razorpay could, and we do not offer it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from payments.domain.ports import InvoiceState, ProviderError, SubscriptionState


class NoSubscriptions:
    """The port's methods about subscriptions; every one raises ProviderError `not_offered`."""

    @staticmethod
    def not_offered() -> NoReturn:
        """Raises ProviderError `not_offered`."""
        raise ProviderError("not_offered", "Subscriptions by Razorpay are not offered here.")

    def subscription(self, ref: str) -> SubscriptionState:  # noqa: ARG002
        """Not offered."""
        self.not_offered()

    def invoice(self, ref: str) -> InvoiceState:  # noqa: ARG002
        """Not offered."""
        self.not_offered()

    def invoices_of(self, subscription_ref: str) -> Iterator[InvoiceState]:  # noqa: ARG002
        """Not offered."""
        self.not_offered()

    def subscription_change(
        self,
        ref: str,  # noqa: ARG002
        *,
        price_code: str,  # noqa: ARG002
        title: str,  # noqa: ARG002
        amount_minor: int,  # noqa: ARG002
        currency: str,  # noqa: ARG002
        interval: str,  # noqa: ARG002
        bill_now: bool,  # noqa: ARG002
        key: str,  # noqa: ARG002
    ) -> SubscriptionState:
        """Not offered."""
        self.not_offered()

    def subscription_cancel(self, ref: str, *, at_period_end: bool, key: str) -> SubscriptionState:  # noqa: ARG002
        """Not offered."""
        self.not_offered()

    def subscription_resume(self, ref: str, *, key: str) -> SubscriptionState:  # noqa: ARG002
        """Not offered."""
        self.not_offered()

    def portal_url(self, *, customer_ref: str, return_url: str) -> str:  # noqa: ARG002
        """Not offered."""
        self.not_offered()
