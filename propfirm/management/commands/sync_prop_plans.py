"""Offer the plans that ship with the product."""

from typing import Any

from django.core.management.base import BaseCommand

from propfirm.services.plans import plans_sync


class Command(BaseCommand):
    help = "Offer the plans that ship where nobody has made one of that code. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        made = plans_sync()
        self.stdout.write("\n".join(f"offered {name}" for name in made) or "all plans are as they ship")
