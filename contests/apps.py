"""App configuration."""

from django.apps import AppConfig


class ContestsConfig(AppConfig):
    """Wiring of the contests app."""

    name = "contests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug into markets, the order path, the outbox and the schedule."""
        from contests import handlers, listeners, panels, profile  # noqa: F401
        from core import schedule

        listeners.register()
        panels.register()
        profile.register()
        schedule.register("contests.lifecycle", "contests.tasks.lifecycle", 1)
