"""App configuration."""

from django.apps import AppConfig


class PropfirmConfig(AppConfig):
    """Wiring of the prop firm."""

    name = "propfirm"
    verbose_name = "Prop firm"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug into payments, the order path, the outbox and the schedule."""
        from accounts.ports import register_deletion_check, register_personal_data
        from core import schedule
        from payments.domain.purchases import register_purchase_kind, register_use
        from propfirm import handlers  # noqa: F401
        from propfirm.personal_data import DATA, firm_obstacle
        from propfirm.services import purchases, resets
        from propfirm.services.calendar import news_around
        from propfirm.services.pairing import SCAN_EVERY
        from trading.domain.ports import register_news_calendar

        register_personal_data(DATA)
        register_deletion_check("prop firm", firm_obstacle)
        register_purchase_kind(purchases.KIND, purchases.ChallengeKind())
        register_purchase_kind(resets.KIND, resets.ResetKind())
        register_use(purchases.KIND, lambda _: ("/prop-firm/accounts", "Go to your accounts"))
        register_use(resets.KIND, lambda number: (f"/prop-firm/accounts/{number}", "Go to the account"))
        register_news_calendar(news_around)
        schedule.register("propfirm: pairs", "propfirm.tasks.pairing", SCAN_EVERY)
        schedule.register("propfirm: close what is over", "propfirm.tasks.close", 60)
        schedule.register("propfirm: give fees back", "propfirm.tasks.fee_refunds", 300)
        schedule.register("propfirm: commissions", "propfirm.tasks.referrals", 3_600)
        schedule.register("propfirm: scaling", "propfirm.tasks.scaling", 3_600)
