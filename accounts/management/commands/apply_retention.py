"""Apply the rules of retention now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services import retention


class Command(BaseCommand):
    help = "Delete what has been kept for as long as it may be (docs/privacy.md). Runs by itself each night."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--list", action="store_true", help="say what the rules are, and delete nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["list"]:
            for rule in retention.rules():
                self.stdout.write(f"{rule.key}: {rule.what}, after {rule.after}")
            return
        taken = retention.retention_apply()
        for key, count in taken.items():
            self.stdout.write(f"{key}: {'failed' if count < 0 else count}")
        if min(taken.values(), default=0) < 0:
            raise CommandError("Not every rule could be applied; the log says why.", returncode=1)
