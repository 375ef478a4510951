"""App configuration."""

from django.apps import AppConfig


class ContestsConfig(AppConfig):
    """Wiring of the contests app."""

    name = "contests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug into markets, the order path, the outbox and the schedule."""
        from accounts.ports import register_personal_data
        from contests import handlers, listeners, panels, profile  # noqa: F401
        from contests.personal_data import DATA
        from contests.services.entries import KIND, EntryKind
        from contests.services.fairplay import SCAN_EVERY
        from contests.services.telling import RANKS_EVERY
        from core import schedule
        from payments.domain.purchases import register_purchase_kind, register_use

        listeners.register()
        register_personal_data(DATA)
        panels.register()
        profile.register()
        register_purchase_kind(KIND, EntryKind())
        register_use(KIND, lambda reference: (f"/contests/{reference.partition('/')[0]}", "Go to the contest"))
        schedule.register("contests: settle", "contests.tasks.settle", 30)
        schedule.register("contests: give fees back", "contests.tasks.fees_return", 15)
        schedule.register("contests: waiting", "contests.tasks.waiting", 15)
        schedule.register("contests.lifecycle", "contests.tasks.lifecycle", 1)
        schedule.register("contests: tell of ranks", "contests.tasks.ranks_tell", RANKS_EVERY)
        schedule.register("contests: templates", "contests.tasks.templates", 60)
        schedule.register("contests: fair play", "contests.tasks.fairplay", SCAN_EVERY)
