"""Mail to people: rendered as text and as HTML in one layout, handed to the service that the settings name."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import css_inline
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template import Context, TemplateDoesNotExist, engines
from django.utils import timezone
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, RequestException
from urllib3.exceptions import NewConnectionError, SSLError

from accounts.domain.sending import SendLaterError, SendRefusedError, SendUnknownError

MAX_SUBJECT = 150
_LINK = re.compile(r"https?://\S*[^\s.,;:)]")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it will be read."""

    subject: str
    text: str
    html: str


def mail_render(template: str, context: Mapping[str, Any]) -> Letter:
    """Render `mail/<template>.txt`, whose first line is the subject, and its HTML.

    The HTML is `mail/<template>.html`; without one it is the text in our layout, its links to this site as buttons.
    Both templates extend `mail/layout.txt` or `mail/layout.html` and get `site_url` besides the context.
    """
    values = {"site_url": settings.SITE_URL, "year": timezone.now().year, **context}
    plain = _engine().get_template(f"mail/{template}.txt").render(Context(values, autoescape=False))
    subject, _, body = plain.strip().partition("\n")
    subject = " ".join(subject.split())[:MAX_SUBJECT]
    text = re.sub(r"\n{3,}", "\n\n", body.strip()) + "\n"
    values |= {"subject": subject, "blocks": list(_blocks(text))}
    try:
        page = _engine().get_template(f"mail/{template}.html")
    except TemplateDoesNotExist:
        page = _engine().get_template("mail/plain.html")
    return Letter(subject, text, _inliner().inline(page.render(Context(values))))


def mail_send(*, to: str, template: str, context: Mapping[str, Any]) -> None:
    """Render a mail and send it. Raises MessageNotSentError of a kind that accounts.domain.sending tells apart."""
    with mail_service() as service:
        letter_send(service, to=to, letter=mail_render(template, context))


def letter_send(
    service: BaseEmailBackend,
    *,
    to: str,
    letter: Letter,
    headers: Mapping[str, str] | None = None,
    message_id: str = "",
) -> str:
    """Hand a letter over; returns its Message-ID. A mail that is sent again under its id is one mail to many readers.

    Raises SendLaterError, SendRefusedError or SendUnknownError.
    """
    message = EmailMultiAlternatives(letter.subject, letter.text, None, [to], headers=dict(headers or {}))
    message.attach_alternative(letter.html, "text/html")
    if message_id:
        message.extra_headers["Message-ID"] = message_id
        message.extra_headers["X-PM-KeepID"] = "true"  # Postmark writes its own otherwise
    with _told_apart():
        taken = service.send_messages([message])
    if not taken:
        raise SendRefusedError("the service took nothing")
    _taken_check(message)
    return str(message.extra_headers.get("Message-ID", ""))


def _taken_check(message: EmailMultiAlternatives) -> None:
    """An API may answer well and yet say of the recipient that it did not take the mail."""
    told = getattr(getattr(message, "anymail_status", None), "status", None) or set()
    if told - {"queued", "sent"}:
        raise SendUnknownError(f"the service says {', '.join(sorted(str(word) for word in told))}")


def message_id_of(key: str) -> str:
    """A lasting Message-ID under this installation's name."""
    return f"<{key}@{urlsplit(settings.SITE_URL).hostname or 'localhost'}>"


@contextmanager
def mail_service() -> Iterator[BaseEmailBackend]:
    """The mail service, open for any number of mails. Raises SendLaterError when it cannot be reached."""
    service = get_connection()
    try:
        service.open()
    except (OSError, smtplib.SMTPException) as error:
        raise SendLaterError(_words(error)) from error
    try:
        yield service
    finally:
        _close(service)


def _close(service: BaseEmailBackend) -> None:
    try:
        service.close()
    except (OSError, smtplib.SMTPException):
        return


@contextmanager
def _told_apart() -> Iterator[None]:
    """What went wrong, by whether the mail may have gone out. No address and no word of the mail is in the reasons."""
    try:
        yield
    except AnymailRecipientsRefused as error:
        raise SendRefusedError("the service refuses the recipient") from error
    except AnymailError as error:
        raise _of_api(error) from error
    except smtplib.SMTPException as error:
        raise _of_smtp(error) from error
    except ValueError as error:  # a header with a line break, an address that is none
        raise SendRefusedError(_words(error)) from error
    except ConnectionRefusedError as error:
        raise SendLaterError(_words(error)) from error
    except OSError as error:
        raise SendUnknownError(_words(error)) from error


def _of_api(error: AnymailError) -> Exception:
    if isinstance(error, RequestException) and error.response is None:
        return SendLaterError(_words(error)) if _never_left(error) else SendUnknownError(_words(error))
    status = error.status_code or getattr(error.response, "status_code", None)
    if status is None:
        return SendRefusedError(_words(error)) if not isinstance(error, AnymailAPIError) else SendUnknownError("")
    if status == 429 or status >= 500:
        return SendLaterError(
            f"the service answered {status}", retry_seconds(error.response.headers.get("Retry-After"))
        )
    if 200 <= status < 300:
        return SendUnknownError("the service's answer was not understood")
    # Keys that are wrong are mended by an operator: what waits goes out then.
    if status in (401, 403):
        return SendLaterError(f"the service answered {status}")
    return SendRefusedError(f"the service answered {status}")


def _never_left(error: RequestException) -> bool:
    """Whether no connection was made, so that nothing can have been sent."""
    cause: BaseException | None = error.__cause__ if isinstance(error.__cause__, RequestException) else error
    if isinstance(cause, ConnectTimeout):
        return True
    reason = (
        getattr(cause.args[0], "reason", None) if isinstance(cause, RequestsConnectionError) and cause.args else None
    )
    return isinstance(reason, NewConnectionError | SSLError)


def _of_smtp(error: smtplib.SMTPException) -> Exception:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        passing = all(400 <= code < 500 for code in codes)
        text = f"the server refused the recipient ({', '.join(map(str, codes))})"
        return SendLaterError(text) if passing else SendRefusedError(text)
    if isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return SendLaterError(f"the server answered {error.smtp_code}")
    if isinstance(error, smtplib.SMTPResponseException):
        text = f"the server answered {error.smtp_code}"
        return SendLaterError(text) if 400 <= error.smtp_code < 500 else SendRefusedError(text)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return SendUnknownError("the server hung up")
    return SendLaterError(_words(error))


def retry_seconds(header: str | None) -> float | None:
    """The seconds of a Retry-After header: a number or a date."""
    if not header:
        return None
    try:
        return float(header)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(header) - timezone.now()).total_seconds(), 0)
    except (TypeError, ValueError):
        return None


def _words(error: BaseException) -> str:
    return type(error).__name__


def _blocks(text: str) -> Iterator[dict[str, Any]]:
    """The paragraphs of a text; one that is an address of this site alone becomes a button, others in it links."""
    for block in re.split(r"\n\s*\n", text.strip()):
        line = " ".join(block.split())
        if _is_ours(line) and " " not in line:
            yield {"button": line}
            continue
        parts, at = [], 0
        for match in _LINK.finditer(line):
            if _is_ours(match.group()):
                parts += [{"text": line[at : match.start()]}, {"link": match.group()}]
                at = match.end()
        yield {"parts": [*parts, {"text": line[at:]}], "code": line if re.fullmatch(r"\d{4,10}", line) else ""}


def _is_ours(text: str) -> bool:
    return text == settings.SITE_URL or text.startswith(f"{settings.SITE_URL}/")


@cache
def _inliner() -> css_inline.CSSInliner:
    """Writes the styles of every mail into its elements."""
    css = (Path(settings.BASE_DIR) / "templates" / "mail" / "style.css").read_text()
    return css_inline.CSSInliner(extra_css=css, load_remote_stylesheets=False)


def _engine() -> Any:
    return engines["django"].engine  # type: ignore[attr-defined]
