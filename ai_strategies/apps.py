"""App configuration."""

from django.apps import AppConfig


class AiStrategiesConfig(AppConfig):
    """Wiring of the ai_strategies app."""

    name = "ai_strategies"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug into markets, contests, the outbox and the schedule."""
        from accounts.ports import register_personal_data
        from ai_strategies import handlers, listeners  # noqa: F401
        from ai_strategies.personal_data import DATA
        from core import schedule

        listeners.register()
        register_personal_data(DATA)
        schedule.register("ai_strategies.agents_recover", "ai_strategies.tasks.agents_recover", 5)
        schedule.register("ai_strategies.prune", "ai_strategies.tasks.prune", 900)
