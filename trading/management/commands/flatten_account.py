"""An account goes flat."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from trading.domain.types import SYSTEM
from trading.services.flatten import account_flatten_operated


class Command(BaseCommand):
    help = (
        "Cancel every order of an account and close every position at the market, whether it is locked or not. "
        "Exit 1 when something is left: what, and why, is printed. Running it again goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", type=int, help="the account's id")
        parser.add_argument("--reason", default="flatten_account", help="kept in the audit trail")

    def handle(self, *_args: Any, **options: Any) -> None:
        account_id = options["account"]
        try:
            report = account_flatten_operated(actor=SYSTEM, account_id=account_id, reason=options["reason"])
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}", returncode=1) from error
        self.stdout.write(f"{len(report.canceled)} orders cancelled, {len(report.closed)} positions sold or covered")
        for left in report.left:
            self.stdout.write(f"  {left.quantity} {left.symbol} left: {left.code}: {left.message}")
        if report.left:
            raise CommandError("The account is not flat.", returncode=1)
