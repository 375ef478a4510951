"""The ready templates of the replay arena, unless they are there."""

from typing import Any

from django.core.management.base import BaseCommand

from contests.services.arena_setup import templates_setup


class Command(BaseCommand):
    help = "Make the templates of the replay arena over the demo history; safe to repeat, nothing without that history."

    def handle(self, *_args: Any, **_options: Any) -> None:
        templates_setup(say=self.stdout.write)
