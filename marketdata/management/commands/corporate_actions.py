"""Splits and dividends as vendors say."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.management.commands import _history as shared
from marketdata.services.vendor_history import actions_refresh


class Command(BaseCommand):
    stealth_options = ("chain",)  # the vendors, given by code that calls the command
    help = (
        "Show the splits and dividends that the configured vendors know of instruments; with --apply they replace the "
        "stored ones of the range. What an unfinished market plays is not changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        shared.symbols_arguments(parser)
        shared.range_arguments(parser)
        parser.add_argument("--vendor", default="auto", help="one vendor's name (default: the configured chain)")
        parser.add_argument("--apply", action="store_true", help="store them")

    def handle(self, *_args: Any, **options: Any) -> None:
        symbols, span = shared.symbols_of(options), shared.span_of(options)
        try:
            chain = options.get("chain") or shared.chain_of(options["vendor"])
            found = actions_refresh(
                chain=chain, symbols=symbols, first=span.first, last=span.last, apply=options["apply"]
            )
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        for symbol, vendor, actions, refused in found:
            if refused is not None:
                self.stderr.write(f"{symbol}: refused, {refused.code}: {refused.message}")
                continue
            self.stdout.write(f"{symbol}: {len(actions)} from {vendor}{', stored' if options['apply'] else ''}")
            for action in actions:
                self.stdout.write(f"  {action.ex_date} {action.kind} {action.value.normalize():f}")
        failed = sum(item[3] is not None for item in found)
        if failed:
            raise CommandError(f"{failed} of {len(found)} symbols failed and were left as they were")
