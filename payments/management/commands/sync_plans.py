"""Write the catalogue of plans."""

from typing import Any

from django.core.management.base import BaseCommand

from payments.services.plans import plans_sync


class Command(BaseCommand):
    help = "Write the plans of payments/domain/catalogue.py; a plan that differs becomes a new version."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        made = plans_sync()
        self.stdout.write(f"New: {', '.join(made)}." if made else "Plans are as they were.")
