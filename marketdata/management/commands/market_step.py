"""Play ticks of a market by hand."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from core.services.outbox import drain
from marketdata.selectors import market_by_slug, market_view
from marketdata.services.ticks import market_step


class Command(BaseCommand):
    help = (
        "Play ticks of a running market at once, with no wall waiting: listeners work inline and the outbox is emptied "
        "after each tick, so the outcome does not depend on other processes. Refused while run_market advances it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("ticks", type=int)

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["ticks"] < 1:
            raise CommandError("the number of ticks is at least 1")
        played = 0
        try:
            market = market_by_slug(options["slug"])
            while played < options["ticks"] and market_step(market_id=market.id, ticks=1):
                played += 1
                while drain():
                    pass
            while drain():
                pass
            market = market_view(market.id)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        place = f"tick {market.tick} of {market.ticks_total}, {market.status}"
        self.stdout.write(f"{market.slug}: {played} ticks played, now at {place}")
