"""Which tax is in force where."""

from datetime import date

from django.db.models import Q

from payments.models import TaxRate


def tax_in_force(country: str, on: date) -> TaxRate | None:
    """The tax on what is sold to a country on a day; None where there is none."""
    rows = TaxRate.objects.filter(country=country.upper(), starts_on__lte=on)
    return rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gt=on)).order_by("-starts_on").first()
