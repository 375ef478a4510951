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
        from accounts.services import notice_retention, trace_retention
        from core.push import register_channel_guard

        register_personal_data(DATA)
        trace_retention.register()
        notice_retention.register()
        register_channel_guard("person", lambda user, user_id: user.pk == user_id)
        schedule.register("accounts: send deliveries", "accounts.tasks.notices.deliveries", 5)
        schedule.register("accounts: send digests", "accounts.tasks.notices.digests", 60)
        schedule.register("accounts: find leads", "accounts.tasks.leads.leads_find", 3_600)
        schedule.register("accounts: forget expired tokens", "accounts.tasks.tokens.tokens_forget_expired", 86_400)
        schedule.register("accounts: lift suspensions", "accounts.tasks.people.suspensions_lift", 30)
        schedule.register("accounts: expire identities", "accounts.tasks.people.identities_expire", 3_600)
        schedule.register("accounts: review clearances", "accounts.tasks.clearances.review", 86_400)
        schedule.register("accounts: tend exports", "accounts.tasks.privacy.exports_tend", 60)
        schedule.register("accounts: tend deletions", "accounts.tasks.privacy.deletions_tend", 3_600)
        schedule.register("accounts: apply retention", "accounts.tasks.privacy.retention_apply", 86_400)
