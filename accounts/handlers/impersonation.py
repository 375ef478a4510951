"""A look ends with the session it is in."""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.domain.impersonation import LOOKING, Looking
from accounts.models import User
from accounts.services.impersonation import impersonation_end


@receiver(user_logged_out, dispatch_uid="accounts.look_closed")
def _closed(request: HttpRequest, user: User | None, **_: Any) -> None:
    looking = Looking.from_session(request.session.get(LOOKING))
    if user is not None and looking is not None:
        impersonation_end(actor=user, looking=looking, because="signed_out")
