"""Factories for the books."""

import factory

from core.models import LedgerAccount


class LedgerAccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = LedgerAccount

    book = "virtual"
    code = factory.Sequence(lambda n: f"account:{n}:cash")
    kind = "cash"
    currency = "USD"
