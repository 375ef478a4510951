"""Import scheduled news from a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Invalid
from propfirm.services.calendar import calendar_import


class Command(BaseCommand):
    help = (
        "Import scheduled news from CSV (a head line with at, or date and time; title; impact low, medium or high; "
        "country or currency; symbols) or JSON (a list of objects with the same names). The layout of weekly calendars "
        "(title, country, date 11-28-2026, time 8:30am, impact High) is read too. Rows that are there are updated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", default="file", help="Where it is from; its rows are kept apart by it")
        parser.add_argument("--zone", default="UTC", help="Of times that name none, such as America/New_York")
        parser.add_argument("--skip-bad", action="store_true", help="Store the good rows all the same")

    def handle(self, *args: Any, file: Path, source: str, zone: str, skip_bad: bool, **options: Any) -> None:  # noqa: ARG002
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        try:
            done = calendar_import(data=data, source=source, zone=zone, skip_bad=skip_bad)
        except Invalid as error:
            for problem in error.details.get("problems", []):
                self.stderr.write(f"line {problem['line']}: {problem['message']}")
            raise CommandError(error.message) from error
        for row in done.bad:
            self.stderr.write(f"line {row.line} left out: {row.message}")
        self.stdout.write(f"{done.events} events of {source}, {done.new} of them new")
