"""Countries and their regions, by ISO 3166, from the packages that know them."""

from functools import cache

import pycountry
from django_countries import countries as known_countries


@cache
def countries() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country, by name."""
    return tuple(sorted(((code, str(name)) for code, name in known_countries), key=lambda item: item[1]))


@cache
def names() -> dict[str, str]:
    """The names of countries by code."""
    return dict(countries())


@cache
def regions_of(country: str) -> tuple[tuple[str, str], ...]:
    """(code, name) of a country's regions, by name; empty where it has none or is no country."""
    known = country in names()
    found = pycountry.subdivisions.get(country_code=country) if known else None  # type: ignore[no-untyped-call]
    return tuple(sorted(((item.code, item.name) for item in found or ()), key=lambda item: item[1]))
