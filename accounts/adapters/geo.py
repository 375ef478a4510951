"""Where an address is, by a MaxMind database on this machine (GEOIP_PATH: cities or countries)."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from django.conf import settings
from geoip2.database import Reader
from geoip2.errors import AddressNotFoundError
from maxminddb import InvalidDatabaseError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A country (ISO 3166-1) and a city; empty where they are not known."""

    country: str = ""
    city: str = ""


NOWHERE = Place()


def place_of(ip: str | None) -> Place:
    """Where a public address is. Without a database, or for one that it does not have, nothing is known."""
    if not ip or not settings.GEOIP_PATH or not _is_public(ip):
        return NOWHERE
    reader = _reader(settings.GEOIP_PATH)
    return NOWHERE if reader is None else _look_up(reader, ip)


def _look_up(reader: Reader, ip: str) -> Place:
    try:
        if "City" in reader.metadata().database_type:
            city = reader.city(ip)
            return Place(city.country.iso_code or "", (city.city.name or "")[:80])
        return Place(reader.country(ip).country.iso_code or "")
    except (AddressNotFoundError, InvalidDatabaseError, TypeError, ValueError):
        return NOWHERE


def _is_public(ip: str) -> bool:
    try:
        return ip_address(ip).is_global
    except ValueError:
        return False


@lru_cache(maxsize=2)
def _reader(path: str) -> Reader | None:
    try:
        return Reader(path)
    except (OSError, InvalidDatabaseError) as error:
        logger.warning("places are not known: %s is not readable (%s)", path, type(error).__name__)
        return None
