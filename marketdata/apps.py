"""App configuration."""

from django.apps import AppConfig


class MarketdataConfig(AppConfig):
    """Wiring of the marketdata app."""

    name = "marketdata"
    default_auto_field = "django.db.models.BigAutoField"
