"""Write the registered periodic tasks for beat."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from core.services.schedule import schedule_sync


class Command(BaseCommand):
    help = "Create and update the periodic tasks the apps register; an operator's own edits are kept."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for outcome, names in asdict(schedule_sync()).items():
            if names:
                self.stdout.write(f"{outcome}: {', '.join(sorted(names))}")
