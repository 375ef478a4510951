"""App configuration."""

from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Wiring of the trading app."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug into the market's ticks, the books' checks and the stream's guards."""
        from accounts.ports import register_personal_data
        from core import schedule
        from core.push import register_channel_guard
        from trading import balances, handlers, listeners, selectors  # noqa: F401
        from trading.personal_data import DATA

        listeners.register()
        schedule.register("trading: orders of the suspended", "trading.tasks.suspended_orders_cancel", 60)
        schedule.register("trading: tell of fills", "trading.tasks.fills_tell", 10)
        schedule.register("trading: tell of endings", "trading.tasks.endings_tell", 20)
        register_personal_data(DATA)
        balances.register()
        register_channel_guard("account", selectors.may_listen)
