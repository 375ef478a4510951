"""Write the audit trail to standard output."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive

from core.errors import DomainError
from core.models import AuditEntry
from core.services.audit_export import KINDS, audit_export


class Command(BaseCommand):
    help = "Write the audit trail, oldest first, to standard output. The export is in the trail itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", default="", help="2026-12-01T00:00Z")
        parser.add_argument("--until", default="", help="2027-01-01T00:00Z, not included")
        parser.add_argument("--action", default="", help="one kind of act only")
        parser.add_argument("--format", choices=KINDS, default="json")
        parser.add_argument("--reason", required=True, help="kept in the audit trail")

    def handle(self, **options: Any) -> None:
        rows = AuditEntry.objects.all()
        if options["since"]:
            rows = rows.filter(created_at__gte=_moment(options["since"]))
        if options["until"]:
            rows = rows.filter(created_at__lt=_moment(options["until"]))
        if options["action"]:
            rows = rows.filter(action=options["action"])
        try:
            lines = audit_export(actor=None, rows=rows, kind=options["format"], reason=options["reason"])
        except DomainError as error:
            raise CommandError(error.message) from error
        for line in lines:
            self.stdout.write(line, ending="")


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None or is_naive(moment):
        raise CommandError(f"{text} is no moment with its zone, such as 2026-12-01T18:00Z.")
    return moment
