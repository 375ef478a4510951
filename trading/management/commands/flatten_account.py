"""An account goes flat."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from core.services import audit
from trading.domain.types import SYSTEM
from trading.services.flatten import account_flatten


class Command(BaseCommand):
    help = (
        "Cancel every order of an account and close every position at the market, whether it is locked or not. "
        "Exit 1 when something is left: what, and why, is printed. Running it again goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", type=int, help="the account's id")
        parser.add_argument("--reason", default="", help="kept in the audit trail")

    def handle(self, *_args: Any, **options: Any) -> None:
        account_id = options["account"]
        try:
            report = account_flatten(actor=SYSTEM, account_id=account_id)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}", returncode=1) from error
        audit.record(
            actor=None,
            action="account_flattened",
            subject_type="account",
            subject_id=account_id,
            after=report.to_json(),
            reason=options["reason"] or "flatten_account",
        )
        self.stdout.write(f"{len(report.canceled)} orders cancelled, {len(report.closed)} positions sold or covered")
        for left in report.left:
            self.stdout.write(f"  {left.quantity} {left.symbol} left: {left.code}: {left.message}")
        if report.left:
            raise CommandError("The account is not flat.", returncode=1)
