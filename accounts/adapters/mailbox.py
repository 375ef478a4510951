"""Where mail goes when no mail service is set up: a folder of this installation."""

from typing import Any

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend


class MailboxBackend(EmailBackend):
    """Keeps each message as a file in settings.MAILBOX_DIR."""

    def __init__(self, *, fail_silently: bool = False, **_: Any) -> None:
        super().__init__(fail_silently=fail_silently, file_path=str(settings.MAILBOX_DIR))
