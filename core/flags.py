"""Switches of the platform."""

from core.models import SystemFlag


def flag_is_on(key: str) -> bool:
    """Whether a switch is on."""
    return SystemFlag.objects.filter(key=key, is_on=True).exists()
