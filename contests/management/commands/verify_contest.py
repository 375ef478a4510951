"""Compute a contest's result once more, from orders and prices."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from contests.services.proof import contest_verify
from core.errors import DomainError


class Command(BaseCommand):
    help = "Recompute a contest's standings and prizes from journals, fills and prices; exit code 1 where they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            found = contest_verify(options["slug"])
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        self.stdout.write(f"{found.participants} participants, {found.fills} fills")
        for name, holds in found.checks.items():
            self.stdout.write(f"  {name:<12} {'equal' if holds else 'DIFFERS'}")
        for words in found.findings:
            self.stderr.write(words)
        if not found.is_equal:
            raise CommandError("The result differs.")
        self.stdout.write(self.style.SUCCESS("Equal to the cent."))
