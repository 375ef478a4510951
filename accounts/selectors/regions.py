"""Where the platform serves people: BLOCKED_REGIONS names countries ("KP") and regions ("US-NY")."""

from django.conf import settings

from accounts.adapters import places


def region_blocked(country: str, region: str = "") -> bool:
    """Whether the platform serves nobody there."""
    blocked = settings.BLOCKED_REGIONS
    return bool(country) and (country.upper() in blocked or bool(region and region.upper() in blocked))


def region_needed(country: str) -> bool:
    """Whether a person's region matters: some of the country's regions are not served, and it has regions to choose."""
    is_split = any(code.startswith(f"{country}-") for code in settings.BLOCKED_REGIONS)
    return is_split and bool(places.regions_of(country))


def countries() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country, by name."""
    return places.countries()


def country_name(code: str) -> str:
    """What people call a country; the code itself where nobody knows it."""
    return places.names().get(code, code)


def regions_of(country: str) -> tuple[tuple[str, str], ...]:
    """(code, name) of a country's regions."""
    return places.regions_of(country)
