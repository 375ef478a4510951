"""Orders whose time has passed end."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata import selectors as market_selectors
from trading.services import expiry


class Command(BaseCommand):
    help = (
        "End day orders of earlier sessions and orders whose date has passed, by each market's own clock, with the "
        "legs that wait for them. The market process does this at every print; this is for markets that do not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--market", help="slug of one market (default: all of them)")
        parser.add_argument("--dry-run", action="store_true", help="say how many accounts it would touch")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["market"]:
                markets = [market_selectors.market_by_slug(options["market"])]
            else:
                markets = [market_selectors.view_of(row) for row in market_selectors.markets_query()]
            for market in markets:
                if options["dry_run"]:
                    self.stdout.write(f"{market.slug}: {len(expiry.due(market_id=market.id))} to look at")
                else:
                    self.stdout.write(f"{market.slug}: {expiry.orders_expire(market_id=market.id)} orders ended")
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}", returncode=1) from error
