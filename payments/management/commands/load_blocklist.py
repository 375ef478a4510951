"""Load a list of people who must not be paid."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from payments.services.blocklist import blocklist_load


class Command(BaseCommand):
    help = "Replace the entries of a source by a CSV file (columns: name, country, note)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, help="what the list is called, e.g. OFAC SDN")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            with options["file"].open(encoding="utf-8", newline="") as lines:
                stored, ended = blocklist_load(actor=None, source=options["source"][:80], lines=lines)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}") from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{stored} entries in force, {ended} no longer.")
