"""Mail to people."""

from collections.abc import Mapping
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string


def mail_send(*, to: str, template: str, context: Mapping[str, Any]) -> None:
    """Render `mail/<template>.txt`, whose first line is the subject, and send it."""
    subject, _, body = render_to_string(f"mail/{template}.txt", dict(context)).strip().partition("\n")
    send_mail(subject.strip(), body.strip(), None, [to])
