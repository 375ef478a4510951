"""App configuration."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Wiring of the trading app."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"
