"""Text messages: by Twilio when it is set up; on a local installation into the mailbox; else not at all."""

from email.message import EmailMessage
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.utils import timezone
from requests.exceptions import RequestException
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from accounts.domain.ports import MessageNotSentError, Sms

TIMEOUT = 10.0
DEFAULT_URL = "https://api.twilio.com"


class _Http(TwilioHttpClient):
    """Twilio's own client, without retries, at the address that the settings name."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=TIMEOUT, max_retries=0)
        self.base_url = base_url.rstrip("/")

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Send one request."""
        return super().request(method, url.replace(DEFAULT_URL, self.base_url, 1), *args, **kwargs)


class TwilioSms:
    """Sends by Twilio's Messages API."""

    def send(self, *, to: str, text: str) -> None:
        """Send a text to a number. Raises MessageNotSentError."""
        sid, token = settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN
        client = Client(sid, token, http_client=_Http(settings.TWILIO_API_URL))
        try:
            client.messages.create(to=to, from_=settings.TWILIO_FROM, body=text)
        except (TwilioException, RequestException) as error:
            # The library's words hold the number and the text: neither goes on from here.
            raise MessageNotSentError(type(error).__name__) from None


class MailboxSms:
    """Keeps each text as a message in settings.MAILBOX_DIR, addressed to the number."""

    def send(self, *, to: str, text: str) -> None:
        """Write a text to a file."""
        message = EmailMessage()
        message["From"], message["To"] = "Trading Arena (text message)", f'"{to}" <sms@localhost>'
        message["Subject"] = text.splitlines()[0][:120]
        message["X-Kind"] = "sms"
        message["Date"] = timezone.now()
        message.set_content(text)
        settings.MAILBOX_DIR.mkdir(parents=True, exist_ok=True)
        name = f"{timezone.now():%Y%m%d-%H%M%S}-sms-{uuid4().hex[:12]}.log"
        (settings.MAILBOX_DIR / name).write_bytes(message.as_bytes())


def sms() -> Sms | None:
    """What carries text messages here, or None when nothing does."""
    if settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN and settings.TWILIO_FROM:
        return TwilioSms()
    return MailboxSms() if settings.DEBUG and settings.MAIL_IS_LOCAL else None
