"""App configuration."""

from django.apps import AppConfig


class MarketdataConfig(AppConfig):
    """Wiring of the marketdata app."""

    name = "marketdata"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Schedule what is done by itself."""
        from accounts.ports import register_personal_data
        from core import schedule
        from marketdata.personal_data import DATA
        from marketdata.services.chain_events import install

        install()
        register_personal_data(DATA)
        schedule.register("marketdata.calendar_alerts", "marketdata.tasks.calendar_alerts", 21_600)
        schedule.register("marketdata.prune", "marketdata.tasks.prune", 3_600)
        schedule.register("marketdata.history_keep", "marketdata.tasks.history_keep", 1_800)
