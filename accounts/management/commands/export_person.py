"""Make a copy of everything held about a person, who cannot sign in to ask for it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services import exports
from core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Make a copy of everything held about a person. Without --to the person finds it under Settings, "
        "Privacy and data; with --to it is written to a file for the operator to hand over. Recorded with the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user_id", type=int)
        parser.add_argument("--reason", required=True, help="why, for the audit trail")
        parser.add_argument("--to", type=Path, help="a file that does not exist yet; only its owner may read it")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["to"] is not None:
                size = exports.export_hand_over(
                    user_id=options["user_id"], path=options["to"], reason=options["reason"]
                )
                self.stdout.write(f"{options['to']}: {size:,} bytes")
                return
            view = exports.export_request(user_id=options["user_id"], reason=options["reason"], is_limited=False)
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}", returncode=1) from error
        except FileExistsError as error:
            raise CommandError(f"{options['to']} exists already.", returncode=1) from error
        self.stdout.write(f"export {view.id} is being made")
