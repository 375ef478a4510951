"""Validate rule sets, put them in words, keep them."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import DomainError
from trading.domain.rules import RuleSet, rule_set_schema, rule_set_words
from trading.services.rules import rule_set_store


class Command(BaseCommand):
    help = "validate FILE: read a rule set and name every problem; words FILE: plain English; store FILE; schema."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["validate", "words", "store", "schema"])
        parser.add_argument("file", nargs="?", help="A JSON document")

    def handle(self, *args: Any, act: str, file: str | None = None, **options: Any) -> None:  # noqa: ARG002
        if act == "schema":
            self.stdout.write(json.dumps(rule_set_schema(), indent=2))
            return
        document, rule_set = _read(file)
        if act == "validate":
            self.stdout.write(f"{rule_set.name}, version {rule_set.version}: {len(rule_set.rules)} rules, valid.")
            self.stdout.write(f"Hash {rule_set.document_hash}")
        elif act == "words":
            for line in rule_set_words(rule_set):
                self.stdout.write(f"- {line}")
        else:
            try:
                row = rule_set_store(document=document)
            except DomainError as error:
                raise CommandError(error.message, returncode=1) from error
            self.stdout.write(f"Rule set {row.pk}: {row}, hash {row.hash}")


def _read(file: str | None) -> tuple[Any, RuleSet]:
    if file is None:
        raise CommandError("Name a file.", returncode=1)
    try:
        document = json.loads(Path(file).read_text())
        return document, RuleSet.from_json(document)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", returncode=1) from error
    except DomainError as error:
        problems = error.details.get("problems", [])
        lines = [f"{item['path'] or 'document'}: {item['message']}" for item in problems]
        raise CommandError("\n".join(lines) or error.message, returncode=1) from error
