"""The end of a look: the button of its banner."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST

from accounts.domain.impersonation import LOOKING, Looking
from accounts.models import User
from accounts.services.impersonation import impersonation_end


@login_required
@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """Be oneself again. Without a look nothing changes."""
    looking = Looking.from_session(request.session.pop(LOOKING, None))
    if looking is None:
        return redirect("landing")
    impersonation_end(actor=cast(User, request.user), looking=looking, because="stopped")
    messages.success(request, "You are yourself again.")
    return redirect("admin:accounts_user_change", looking.user_id)


# Under the address of signing out, which stays open during maintenance.
urlpatterns = [path("sign-out/looking", stop, name="looking-stop")]
