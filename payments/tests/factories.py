"""Rows for tests of payments."""

from datetime import timedelta

import factory
from django.utils import timezone

from accounts.tests.factories import UserFactory
from payments import models


class PlanVersionFactory(factory.django.DjangoModelFactory):
    """A plan that is offered."""

    class Meta:
        model = models.PlanVersion

    code = factory.Sequence(lambda n: f"plan-{n}")
    version = 1
    name = factory.LazyAttribute(lambda plan: plan.code.title())
    rank = 2
    limits = factory.LazyFunction(
        lambda: {"trades": -1, "auto_trades": 50, "api_rate": 600, "analytics": 1, "library": 1, "signals": 1}
    )


class PlanPriceFactory(factory.django.DjangoModelFactory):
    """29.00 a month."""

    class Meta:
        model = models.PlanPrice

    plan = factory.SubFactory(PlanVersionFactory)
    code = factory.LazyAttribute(lambda price: f"{price.plan.code}-1-{price.currency.lower()}-{price.interval}")
    currency = "USD"
    interval = "month"
    amount_minor = 2_900


class PaymentFactory(factory.django.DjangoModelFactory):
    """A payment of 50.00 that has just begun."""

    class Meta:
        model = models.Payment

    user = factory.SubFactory(UserFactory)
    kind = "thing"
    reference = "thing-1"
    title = "A thing"
    currency = "USD"
    subtotal_minor = 5_000
    total_minor = factory.LazyAttribute(lambda row: row.subtotal_minor)
    shares = factory.LazyFunction(lambda: [["revenue:things", "revenue", 1]])
    provider = "sandbox"
    checkout_ref = factory.Sequence(lambda n: f"checkout-{n}")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=1))
