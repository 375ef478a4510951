"""App configuration."""

from django.apps import AppConfig


class AiStrategiesConfig(AppConfig):
    """Wiring of the ai_strategies app."""

    name = "ai_strategies"
    default_auto_field = "django.db.models.BigAutoField"
