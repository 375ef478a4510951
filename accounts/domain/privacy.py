"""Copies of data, deletion and retention in words and figures. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DELETED_NAME = "Deleted user"
REMIND_BEFORE = timedelta(days=3)
# A copy that nobody has built within this time is given up, and can be asked for again.
EXPORT_GIVEN_UP_AFTER = timedelta(hours=1)
EXPORTS_SHOWN = 10
CONFIRM_WORD = "delete"
# Where a session keeps the day of a deletion that waits, in words, for the banner of its pages.
DELETION_DUE = "deletion_due"


def pseudonym_email(user_id: int) -> str:
    """The address that stands in the place of a deleted person's: unique, and nobody can receive mail at it."""
    return f"deleted-{user_id}@deleted.invalid"


@dataclass(frozen=True, slots=True)
class ExportView:
    """A copy of someone's data: how far it is, and until when it can be fetched."""

    id: int
    status: str
    progress: int
    size: int
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    message: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is still being built."""
        return self.status in ("requested", "building")

    @property
    def is_ready(self) -> bool:
        """Whether it can be fetched."""
        return self.status == "ready"


@dataclass(frozen=True, slots=True)
class DeletionView:
    """A deletion that waits for its day."""

    id: int
    requested_at: datetime
    due_at: datetime


def confirms(text: str, email: str) -> bool:
    """Whether what was typed confirms the deletion: the word, or the person's own address."""
    return text.strip().lower() in (CONFIRM_WORD, email.lower())


def day(moment: datetime) -> str:
    """A day in words."""
    return f"{moment:%d %B %Y}".lstrip("0")
