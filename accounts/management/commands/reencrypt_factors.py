"""Encrypts the secrets of second factors anew, so that old keys can be taken out of FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.factors import factors_reencrypt


class Command(BaseCommand):
    help = "Encrypt the secrets of second factors with the first of FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        changed, unreadable = factors_reencrypt()
        self.stdout.write(f"{changed} secrets encrypted anew.")
        if unreadable:
            raise CommandError(f"{unreadable} secrets cannot be read with any of FIELD_KEYS.")
