"""Plans and subscriptions."""

from django.conf import settings

from core import schedule


def register() -> None:
    """Plans can be bought; the periodic tasks."""
    from core.throttling import register_user_rate
    from payments.domain.purchases import register_purchase_kind, register_use
    from payments.entitlements import api_rate
    from payments.services.plans import KIND, PlanKind

    register_purchase_kind(KIND, PlanKind())
    register_use(KIND, lambda _: ("/billing", "See your plan"))
    if settings.PLAN_API_RATES:
        register_user_rate(api_rate)
    schedule.register("payments: tend subscriptions", "payments.tasks.plans.subscriptions_tend", 20)
    schedule.register("payments: remind of renewals", "payments.tasks.plans.reminders_send", 3_600)
    schedule.register("payments: recognise revenue", "payments.tasks.plans.revenue_recognise", 43_200)
