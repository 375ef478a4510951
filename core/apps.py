"""App configuration."""

from django.apps import AppConfig

from core import schedule


class CoreConfig(AppConfig):
    """Wiring of the core app."""

    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the periodic tasks."""
        schedule.register("core: deliver events", "core.tasks.outbox_drain", 1)
        schedule.register("core: beat heartbeat", "core.tasks.beat_heartbeat", 5, expires_seconds=10)
        schedule.register("core: seal journals", "core.tasks.journals_seal", 60)
        schedule.register(
            "core: seal late journals", "core.tasks.journals_seal_thorough", 86_400, expires_seconds=3_600
        )
        schedule.register("core: purge", "core.tasks.purge", 3_600)
