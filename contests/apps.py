"""App configuration."""

from django.apps import AppConfig


class ContestsConfig(AppConfig):
    """Wiring of the contests app."""

    name = "contests"
    default_auto_field = "django.db.models.BigAutoField"
