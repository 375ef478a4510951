"""The market process."""

import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.selectors import market_by_slug
from marketdata.services.runner import MarketProcess


class Command(BaseCommand):
    help = "Advance the running replay markets. Of several such processes one advances a market, the others stand by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", nargs="+", default=[], metavar="SLUG", help="these markets only")

    def handle(self, *_args: Any, **options: Any) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            only = frozenset(market_by_slug(slug).id for slug in options["only"]) if options["only"] else None
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        MarketProcess(stop, only).run()
