"""App configuration."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Wiring of the trading app."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug into the market's ticks, the books' checks and the stream's guards."""
        from trading import listeners

        listeners.register()
