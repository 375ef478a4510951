"""The settings page of the identity check, and documents for reviewers."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_countries import countries

from accounts.domain.identity import NEEDED, IdentityView
from accounts.forms import ServiceForm
from accounts.forms_identity import IdentityDocumentForm, IdentityForm
from accounts.models import IdentityDocument, User
from accounts.selectors.identity import identity_of
from accounts.services import identity
from core.errors import DomainError, Forbidden, NotFound
from core.throttling import address, limit

_ABOUT = {
    "front": "The side with your photo, all four corners in the picture.",
    "back": "If your document has one.",
    "selfie": "Your face and the document beside it, both sharp.",
    "address": "A bill or a bank statement of the last three months. Only when we ask for it.",
}
# A reviewer's browser shows the document and runs nothing in it.
_DOCUMENT_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _me(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def settings_identity(request: HttpRequest) -> HttpResponse:
    """Where the check stands; who one is."""
    view = identity_of(_me(request).pk)
    if request.method == "GET":
        return _page(request, view)
    form = IdentityForm(request.POST)
    if form.is_valid():
        try:
            identity.identity_details(user_id=_me(request).pk, countries=list(dict(countries)), **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, "Saved. Now add your documents.")
            return redirect("settings-identity")
    return _page(request, view, form=form)


@login_required
@require_POST
def settings_identity_document(request: HttpRequest) -> HttpResponse:
    """Add a document."""
    form = IdentityDocumentForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            limit("uploads", f"user:{_me(request).pk}")
            identity.size_check(file.size or 0)
            identity.document_add(
                user_id=_me(request).pk, kind=form.cleaned_data["kind"], data=file.read(), ip=address(request)
            )
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, "The document is added.")
            return redirect("settings-identity")
    return _page(request, identity_of(_me(request).pk), document=form)


@login_required
@require_POST
def settings_identity_submit(request: HttpRequest) -> HttpResponse:
    """Send the application."""
    try:
        identity.identity_submit(user_id=_me(request).pk, ip=address(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Your documents are with us. We tell you when they are looked at.")
    return redirect("settings-identity")


@login_required
@never_cache
@require_safe
def identity_document(request: HttpRequest, document_id: int) -> HttpResponseBase:
    """A document, for those who review; each look is audited."""
    user = _me(request)
    if not user.is_staff or not (user.is_superuser or user.has_perm("accounts.change_identitycheck")):
        raise PermissionDenied
    try:
        document = identity.document_open(actor=user, document_id=document_id, ip=address(request))
    except NotFound as error:
        raise Http404(error.message) from error
    except Forbidden as error:
        raise PermissionDenied(error.message) from error
    response = FileResponse(document.file.open("rb"), content_type=document.content_type)
    ending = "pdf" if document.content_type == "application/pdf" else "jpg"
    kept = "attachment" if ending == "pdf" else "inline"
    response["Content-Disposition"] = f'{kept}; filename="{document.kind}-{document.pk}.{ending}"'
    for name, value in _DOCUMENT_HEADERS.items():
        response[name] = value
    return response


def _page(
    request: HttpRequest, view: IdentityView, *, form: ServiceForm | None = None, document: ServiceForm | None = None
) -> HttpResponse:
    initial = {"legal_name": view.legal_name, "country": view.country}
    refused = document.data.get("kind") if document is not None else None
    problem = ""
    if document is not None:
        problem = next((str(texts[0]) for texts in document.errors.values()), "")
    context = {
        "view": view,
        "form": form or IdentityForm(initial=initial),
        "documents": [
            {
                "kind": kind,
                "label": label,
                "about": _ABOUT[kind],
                "is_there": kind in view.documents,
                "is_needed": kind in NEEDED,
                "problem": problem if kind == refused else "",
            }
            for kind, label in IdentityDocument.Kind.choices
        ],
        "may_send": view.may_edit and bool(view.legal_name) and not view.missing,
    }
    return render(request, "settings/identity.html", context, status=422 if form or document else 200)


urlpatterns = [
    path("settings/identity", settings_identity, name="settings-identity"),
    path("settings/identity/documents", settings_identity_document, name="settings-identity-document"),
    path("settings/identity/submit", settings_identity_submit, name="settings-identity-submit"),
    path("identity/documents/<int:document_id>", identity_document, name="identity-document"),
]
