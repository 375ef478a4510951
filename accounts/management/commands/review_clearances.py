"""Follow the list of blocked regions."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.services.clearance import clearances_review


class Command(BaseCommand):
    help = "Give everyone the clearance that BLOCKED_REGIONS says. Runs with each release and each night."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        changed = clearances_review()
        if changed:
            self.stdout.write(f"{changed} clearances changed")
