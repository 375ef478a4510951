"""Load history from vendors in bulk."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.management.commands import _history as shared
from marketdata.services.vendor_history import WORKERS, history_refresh


class Command(BaseCommand):
    stealth_options = ("chain",)  # the vendors, given by code that calls the command
    help = (
        "Load daily bars and corporate actions, and bars of minutes if wanted, from the configured vendors. Unknown "
        "instruments are made. Each symbol is loaded completely or left as it was; with a failure among them the "
        "command ends with an error and keeps the others. Loading the same again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        shared.symbols_arguments(parser)
        shared.range_arguments(parser)
        parser.add_argument("--minutes", type=int, nargs="?", const=1, help="bars of so many minutes too (1)")
        parser.add_argument("--vendor", default="auto", help="one vendor's name (default: the configured chain)")
        parser.add_argument("--workers", type=int, default=WORKERS, help="symbols asked for at a time")

    def handle(self, *_args: Any, **options: Any) -> None:
        symbols, span = shared.symbols_of(options), shared.span_of(options, minutes=options["minutes"])
        try:
            chain = options.get("chain") or shared.chain_of(options["vendor"])
            outcomes = history_refresh(
                chain=chain,
                symbols=symbols,
                span=span,
                now=datetime.now(tz=UTC),
                workers=min(max(options["workers"], 1), 16),
            )
            shared.report(self, outcomes)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
