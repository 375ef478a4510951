"""Delete a person who cannot sign in to ask for it."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.services import deletion
from core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Ask for the deletion of a person, who is told and may take it back until its day; with --now there is no such "
        "day. What identifies the person is erased, the books stay whole. Recorded with the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user_id", type=int)
        parser.add_argument("--reason", required=True, help="why, for the audit trail")
        parser.add_argument("--cancel", action="store_true", help="take a deletion that waits back")
        parser.add_argument("--now", action="store_true", help="erase at once; needs --confirm with the user's id")
        parser.add_argument("--confirm", type=int, help="the user's id once more")

    def handle(self, *_args: Any, **options: Any) -> None:
        user_id = options["user_id"]
        if options["now"] and options["confirm"] != user_id:
            raise CommandError(f"This cannot be taken back. Add --confirm {user_id}.", returncode=1)
        try:
            self.stdout.write(self._act(user_id, deletion.operator_reason(options["reason"]), options))
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}", returncode=1) from error

    @staticmethod
    def _act(user_id: int, reason: str, options: dict[str, Any]) -> str:
        if options["cancel"]:
            is_kept = deletion.deletion_cancel(user_id=user_id, reason=reason)
            return f"user {user_id} stays" if is_kept else f"user {user_id} was not to be deleted"
        if options["now"]:
            deletion.deletion_now(user_id=user_id, reason=reason)
            return f"user {user_id} is erased"
        view = deletion.deletion_request(user_id=user_id, reason=reason)
        return f"user {user_id} is to be deleted on {view.due_at:%Y-%m-%d}, in {settings.DELETION_GRACE_DAYS} days"
