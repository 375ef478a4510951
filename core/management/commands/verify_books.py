"""Prove the books: journals balanced, seals intact, cached balances equal to the ledger."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.services import books


class Command(BaseCommand):
    help = "Check every journal, seal and cached balance; exit 1 and name the rows when something differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--show", type=int, default=20, help="How many rows of each difference to name")

    def handle(self, *args: Any, show: int = 20, **options: Any) -> None:  # noqa: ARG002
        report = books.verify()
        self.stdout.write(
            f"{report.journals} journals, {report.postings} postings, {report.ledger_accounts} ledger accounts, "
            f"{report.unsealed} journals not sealed yet"
        )
        for outcome in report.outcomes:
            checked = "" if outcome.checked is None else f"{outcome.checked} checked, "
            self.stdout.write(f"{outcome.name}: {checked}{len(outcome.mismatches)} differ")
            for mismatch in outcome.mismatches[:show]:
                self.stdout.write(f"    {mismatch}")
        if not report.is_sound:
            raise CommandError("The books do not agree.", returncode=1)
        self.stdout.write("The books agree.")
