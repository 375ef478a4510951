"""Prove a verdict from its evidence alone: a stored one, or the file that was downloaded of it."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading.domain.rules import Verification, verify_file
from trading.domain.rules.evidence_file import LABELS
from trading.selectors.rules import verdict_check


class Command(BaseCommand):
    help = "Compute a verdict again from its evidence; exit 1 and say what differs when it does not hold."
    # A file is proved by itself, wherever it is: no database is asked.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", help="The verdict's id, or the path of its evidence file (JSON as downloaded)")

    def handle(self, *args: Any, target: str, **options: Any) -> None:  # noqa: ARG002
        if target.isdecimal():
            self._stored(int(target))
        else:
            self._file(Path(target))

    def _stored(self, verdict_id: int) -> None:
        found = verdict_check(verdict_id)
        if found is None:
            raise CommandError(f"There is no verdict {verdict_id}.", returncode=1)
        row, checked = found
        self.stdout.write(f"Verdict {row.id} of account {row.account_id}: {row.kind}, {row.code}")
        self.stdout.write(row.message)
        self._say(checked, row.inputs_hash)

    def _file(self, path: Path) -> None:
        try:
            data = json.loads(path.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise CommandError(f"{path} cannot be read: {error}", returncode=1) from error
        checked = verify_file(data)
        if isinstance(data, dict):
            self.stdout.write(f"Verdict {data.get('id')}: {data.get('kind')}, {data.get('code')}")
            self.stdout.write(str(data.get("message")))
            self.stdout.write(f"Not part of the proof: {', '.join(LABELS)}.")
            if "checksums" not in data:
                self.stdout.write("The file has no checksums: what was changed in it can be found, not always named.")
        evidence = data.get("evidence") if isinstance(data, dict) else None
        self._say(checked, str(evidence.get("inputs_hash")) if isinstance(evidence, dict) else "")

    def _say(self, checked: Verification, inputs_hash: str) -> None:
        if not checked.ok:
            for difference in checked.differences:
                self.stdout.write(f"    {difference}")
            raise CommandError("The verdict does not follow from its evidence.", returncode=1)
        self.stdout.write(f"The verdict holds. Inputs {inputs_hash}")
