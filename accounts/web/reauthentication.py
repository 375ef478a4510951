"""Pages that ask someone who is signed in to prove again who they are, before what is sensitive."""

from allauth.account import views
from django.forms import Form
from django.http import HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.domain.ports import MessageNotSentError
from core.errors import DomainError


class _Refusing:
    """Answers 422 to a refused form, as all pages here do."""

    def form_invalid(self, form: Form) -> HttpResponse:
        """The form again, with what is wrong."""
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]
        if response.status_code == 200:
            response.status_code = 422
        return response


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class Password(_Refusing, views.ReauthenticateView):
    """By password."""

    template_name = "account/reauthenticate.html"


@method_decorator(never_cache, name="dispatch")
class CodeRequest(_Refusing, views.RequestReauthenticationCodeView):
    """By a code: asked for."""

    template_name = "account/reauthenticate_code.html"

    def form_valid(self, form: Form) -> HttpResponse:
        """Send the code; that it could not be sent is said at the form."""
        try:
            response: HttpResponse = super().form_valid(form)
        except DomainError as error:
            form.add_error(None, error.message)
        except (MessageNotSentError, OSError):
            form.add_error(None, "The code could not be sent. Try again in a minute.")
        else:
            return response
        return self.form_invalid(form)


class CodeConfirm(_Refusing, views.ConfirmReauthenticationCodeView):
    """By a code: entered."""

    template_name = "account/reauthenticate_code_confirm.html"


urlpatterns = [
    path("reauthenticate", Password.as_view(), name="account_reauthenticate"),
    path("reauthenticate/code", CodeRequest.as_view(), name="account_request_reauthentication_code"),
    path("reauthenticate/code/confirm", CodeConfirm.as_view(), name="account_confirm_reauthentication_code"),
]
