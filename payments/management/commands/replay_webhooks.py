"""Have stored webhooks processed again."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from payments.models import WebhookDelivery
from payments.services import webhooks


class Command(BaseCommand):
    help = "Process stored webhooks again; what they name is fetched anew, so nothing is counted twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider")
        parser.add_argument("--since", help="received at or after this time (ISO 8601, with zone)")
        parser.add_argument("--until", help="received before this time")
        parser.add_argument("--status", choices=[value for value, _ in WebhookDelivery.Status.choices])
        parser.add_argument("--event", help="an event's id at the provider")
        parser.add_argument("--reason", default="", help="why; it is in the audit trail")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        rows = WebhookDelivery.objects.exclude(object_kind="").order_by("pk")
        wanted = {
            "provider": options["provider"],
            "status": options["status"],
            "event_id": options["event"],
            "received_at__gte": _time(options["since"]),
            "received_at__lt": _time(options["until"]),
        }
        rows = rows.filter(**{name: value for name, value in wanted.items() if value})
        if options["dry_run"]:
            self.stdout.write(f"{rows.count()} webhooks would be processed again.")
            return
        count = webhooks.webhooks_replay(actor=None, rows=rows, reason=options["reason"] or "replay_webhooks")
        done = 0
        while done < count and (took := webhooks.webhooks_process_due(limit=500)):
            done += took
        left = rows.filter(status=WebhookDelivery.Status.RECEIVED).count()
        self.stdout.write(f"{count} webhooks processed again, {left} of them will be tried once more.")


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"{text} is not a time: write 2026-11-27T18:00Z.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)
