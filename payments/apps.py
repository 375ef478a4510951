"""App configuration."""

from importlib import import_module
from pkgutil import iter_modules

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Wiring of the payments app: each topic registers what it has from its module in `payments.wiring`."""

    name = "payments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let every topic register its tasks, handlers, purchase kinds and checks."""
        from payments import wiring

        for found in sorted(module.name for module in iter_modules(wiring.__path__)):
            import_module(f"payments.wiring.{found}").register()
