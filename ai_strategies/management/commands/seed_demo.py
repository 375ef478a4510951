"""The demo: history, people, agents and contests."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ai_strategies.services.demo import demo_is_seeded, demo_seed, signins_path
from core.errors import DomainError


class Command(BaseCommand):
    help = "Make the demo: simulated history, people, agents, a running arena. What is there already is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="also on an installation that is not in DEBUG")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["force"]:
            raise CommandError("This is not a DEBUG installation. Add --force to put the demo on it.")
        if demo_is_seeded():
            self.stdout.write("The demo is there.")
            return
        began = time.monotonic()
        try:
            demo_seed(say=self.stdout.write)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        self.stdout.write(f"The demo is ready, in {time.monotonic() - began:.1f} s. Sign-ins: {signins_path()}")
