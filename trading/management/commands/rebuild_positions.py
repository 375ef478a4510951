"""Positions rebuilt from their fills and corporate actions."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trading.domain.types import SYSTEM
from trading.services.rebuild import position_fix, positions_check


class Command(BaseCommand):
    help = (
        "Rebuild positions from their fills, splits and delistings, in order, and print those that differ from what is "
        "stored. Changes nothing unless --fix is given, which stores the rebuilt ones under their accounts' locks. "
        "Exit 1 when positions differed and were not mended."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", type=int, help="only this account")
        parser.add_argument("--fix", action="store_true", help="store what the history says")
        parser.add_argument("--reason", default="", help="kept in the audit trail with each position that is mended")

    def handle(self, *_args: Any, **options: Any) -> None:
        checked, found = positions_check(account_id=options["account"])
        for difference in found:
            self.stdout.write(str(difference))
        self.stdout.write(f"{checked} positions rebuilt, {len(found)} differ.")
        if not found:
            return
        if not options["fix"]:
            raise CommandError("Positions differ. Run again with --fix to store what their history says.", returncode=1)
        reason = options["reason"] or "rebuild_positions --fix"
        mended = sum(position_fix(actor=SYSTEM, difference=difference, reason=reason) for difference in found)
        self.stdout.write(f"{mended} mended.")
