"""The mailbox of an installation that sends no mail: a folder with a file for each message, the newest kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage as DjangoMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

KEPT = 500
MOST_BYTES = 2_000_000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,79}")
_SUFFIX = ".log"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the mailbox shows it."""

    name: str
    to: str
    subject: str
    at: datetime | None
    is_sms: bool
    text: str = ""
    html: str = ""


class MailboxBackend(BaseEmailBackend):
    """Keeps each message as a file in settings.MAILBOX_DIR."""

    def __init__(self, *, fail_silently: bool = False, **_: Any) -> None:
        super().__init__(fail_silently=fail_silently)

    def send_messages(self, email_messages: Sequence[DjangoMessage]) -> int:
        """Write each message; returns how many."""
        folder = Path(settings.MAILBOX_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%d-%H%M%S-%f}-{uuid4().hex[:12]}"
            unseen = folder / f".{name}"
            unseen.write_bytes(message.message().as_bytes())
            unseen.rename(folder / f"{name}{_SUFFIX}")  # nobody reads half a message
        mailbox_trim()
        return len(email_messages)


def mailbox_trim(keep: int = KEPT) -> int:
    """Delete all but the newest messages; returns how many went."""
    gone = _files()[keep:]
    for file in gone:
        file.unlink(missing_ok=True)
    return len(gone)


def mailbox_list(start: int, size: int) -> tuple[list[Message], int]:
    """A stretch of the mailbox, newest first, without the messages' text; and how many there are."""
    files = _files()
    found = [message for file in files[start : start + size] if (message := _read(file, whole=False)) is not None]
    return found, len(files)


def mailbox_read(name: str) -> Message | None:
    """One message; None when there is none of that name."""
    file = Path(settings.MAILBOX_DIR) / f"{name}{_SUFFIX}"
    return _read(file, whole=True) if NAME.fullmatch(name) else None


def _files() -> list[Path]:
    folder = Path(settings.MAILBOX_DIR)
    if not folder.is_dir():
        return []
    found = [file for file in folder.glob(f"*{_SUFFIX}") if NAME.fullmatch(file.stem)]
    return sorted(found, key=lambda file: file.name, reverse=True)


def _read(file: Path, *, whole: bool) -> Message | None:
    try:
        with file.open("rb") as stream:
            parsed = message_from_bytes(stream.read(MOST_BYTES), policy=policy.default)
    except OSError:  # trimmed just now
        return None
    assert isinstance(parsed, EmailMessage)
    is_sms = parsed["X-Kind"] == "sms"
    to = str(parsed["To"] or "")
    return Message(
        name=file.stem,
        to=re.sub(r'"|\s*<sms@localhost>', "", to) if is_sms else to,
        subject=str(parsed["Subject"] or ""),
        at=_moment(parsed["Date"]),
        is_sms=is_sms,
        text=_part(parsed, "plain") if whole else "",
        html=_part(parsed, "html") if whole else "",
    )


def _part(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, KeyError):
        return ""


def _moment(header: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(header)) if header else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
