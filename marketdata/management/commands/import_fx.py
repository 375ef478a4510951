"""Import exchange rates from a file."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from marketdata.services.fx import fx_import


class Command(BaseCommand):
    help = (
        "Import daily exchange rates from a CSV file with the columns date,base,quote,rate (what one unit of base "
        "costs in quote). The file is taken completely or not at all; importing it again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--source", help="where the rates come from (default: the file's name and checksum)")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            done = fx_import(
                actor=None, path=options["path"], today=datetime.now(tz=UTC).date(), source=options["source"]
            )
        except DomainError as error:
            for row in error.details.get("rows", []):
                self.stderr.write(f"  row {row['row']}: {row['reason']}")
            raise CommandError(f"{error.code}: {error.message}") from error
        span = f"{done.first_date} to {done.last_date}"
        self.stdout.write(f"{', '.join(done.pairs)}: {done.rates} rates, {span}, {done.changed} changed")
