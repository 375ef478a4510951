"""Write the groups of the roles."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.services.roles import roles_sync


class Command(BaseCommand):
    help = "Write the groups of the roles with their rights, and put everyone into the group of their role."

    def handle(self, **options: Any) -> None:
        counts = roles_sync()
        if options["verbosity"] > 1:
            for role, count in counts.items():
                self.stdout.write(f"{role}: {count} rights")
