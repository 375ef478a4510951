"""Publish the versions of the texts that come with the release."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.services.consents import texts_publish


class Command(BaseCommand):
    help = "Publish the versions of terms, risk disclosure and privacy notice that come with the release. Idempotent."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for text in texts_publish():
            self.stdout.write(f"published {text.kind} {text.version} as edition {text.edition}")
