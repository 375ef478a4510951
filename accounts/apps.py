"""App configuration."""

from django.apps import AppConfig

from core import schedule


class AccountsConfig(AppConfig):
    """Wiring of the accounts app."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register handlers, the periodic tasks and the API's authentication schemes."""
        from accounts import api_schemes, handlers  # noqa: F401
        from accounts.personal_data import DATA
        from accounts.ports import register_personal_data

        register_personal_data(DATA)
        schedule.register("accounts: forget expired tokens", "accounts.tasks.tokens.tokens_forget_expired", 86_400)
        schedule.register("accounts: review clearances", "accounts.tasks.clearances.review", 86_400)
        schedule.register("accounts: tend exports", "accounts.tasks.privacy.exports_tend", 60)
        schedule.register("accounts: tend deletions", "accounts.tasks.privacy.deletions_tend", 3_600)
        schedule.register("accounts: apply retention", "accounts.tasks.privacy.retention_apply", 86_400)
