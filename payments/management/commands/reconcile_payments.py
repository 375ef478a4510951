"""Hold the providers' statements against the books."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.errors import DomainError
from core.money import Money
from payments.adapters import registry
from payments.models import Difference, ReconciliationRun
from payments.services.reconciliation import reconcile


class Command(BaseCommand):
    help = "Compare what providers say with the books, list every difference and propose its journal; 1 if they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider", choices=registry.NAMES)
        parser.add_argument("--days", type=int, default=35, help="how far back (35)")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        until = timezone.now()
        chosen = options["provider"]
        names = [chosen] if chosen else [name for name in registry.NAMES if registry.is_set_up(name)]
        if not names:
            self.stdout.write("No payment provider is set up: there is nothing to compare.")
            return
        runs = []
        for name in names:
            try:
                runs.append(reconcile(provider=name, since=until - timedelta(days=options["days"]), until=until))
            except DomainError as error:
                raise CommandError(error.message) from error
            self._tell(runs[-1])
        if any(run.status != ReconciliationRun.Status.CLEAN for run in runs):
            raise CommandError("The books and the statements differ.", returncode=1)

    def _tell(self, run: ReconciliationRun) -> None:
        self.stdout.write(
            f"{run.provider}: {run.movements} lines of the statement, {run.fees_booked} newly booked, {run.status}"
        )
        for currency, (theirs, ours) in run.balances.items():
            there, here = Money(theirs, currency), Money(ours, currency)
            self.stdout.write(f"  balance {there} at the provider, {here} in the books")
        if run.error:
            self.stdout.write(f"  {run.error}")
        rows = Difference.objects.filter(provider=run.provider, status=Difference.Status.OPEN).order_by("pk")
        for row in rows[:200]:
            there, here = Money(row.provider_minor, row.currency), Money(row.books_minor, row.currency)
            legs = ", ".join(f"{account} {minor:+}" for account, minor in row.proposal)
            self.stdout.write(f"  #{row.pk} {row.kind} {row.source_ref}: {there} / {here}. {row.explanation}")
            self.stdout.write(f"     proposed: {legs}")
