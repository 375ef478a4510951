"""Corporate actions that accounts have missed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata import selectors as market_selectors
from trading.services.corporate import actions_catch_up


class Command(BaseCommand):
    help = (
        "Apply every split, dividend and delisting up to a market's tick that accounts have missed, each put in its "
        "place in the account's history. What was applied is left alone. Exit 1 when an account could not take one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", help="slug of one market (default: all of them)")
        parser.add_argument("--dry-run", action="store_true", help="say which accounts have missed what")

    def handle(self, *_args: Any, **options: Any) -> None:
        failed = 0
        try:
            if options["market"]:
                ids = [market_selectors.market_by_slug(options["market"])]
            else:
                ids = [market_selectors.view_of(row) for row in market_selectors.markets_query()]
            for market in ids:
                failed += self._market(market.id, market.slug, dry_run=options["dry_run"])
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}", returncode=1) from error
        if failed:
            raise CommandError(f"{failed} accounts could not take an action and were left.", returncode=1)

    def _market(self, market_id: int, slug: str, *, dry_run: bool) -> int:
        verb = "to look at" if dry_run else "adjusted"
        failed = 0
        for report in actions_catch_up(market_id=market_id, dry_run=dry_run):
            if not report.accounts and not report.failed:
                continue
            action = report.action
            self.stdout.write(
                f"{slug}: {action.kind} of {action.symbol} on {action.ex_date}: {report.accounts} accounts {verb}"
            )
            for account_id, code in report.failed:
                self.stderr.write(f"  account {account_id}: {code}")
            failed += len(report.failed)
        return failed
