"""Prove a stored verdict from its evidence alone."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.selectors.rules import verdict_check


class Command(BaseCommand):
    help = "Compute a verdict again from its evidence; exit 1 and say what differs when it does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verdict", type=int, help="The verdict's id")

    def handle(self, *args: Any, verdict: int, **options: Any) -> None:  # noqa: ARG002
        found = verdict_check(verdict)
        if found is None:
            raise CommandError(f"There is no verdict {verdict}.", returncode=1)
        row, checked = found
        self.stdout.write(f"Verdict {row.id} of account {row.account_id}: {row.kind}, {row.code}")
        self.stdout.write(row.message)
        if not checked.ok:
            for difference in checked.differences:
                self.stdout.write(f"    {difference}")
            raise CommandError("The verdict does not follow from its evidence.", returncode=1)
        self.stdout.write(f"The verdict holds. Inputs {row.inputs_hash}")
