"""Onboarding: one step a page, and the texts to accept."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.clients import client_of
from accounts.domain.onboarding import CONSENT, EXPERIENCE, WHERE, Progress
from accounts.forms import ServiceForm
from accounts.forms_people import ConsentForm, ExperienceForm, WhereForm
from accounts.models import LegalText, User
from accounts.selectors.consents import text_bodies, text_get, texts_in_force, versions_of
from accounts.selectors.profile import profile_of, progress_of
from accounts.services import consents, onboarding
from core.errors import DomainError
from core.pages import page

NEXT = "onboarding_next"


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@login_required
@never_cache
@require_GET
@page
def start(request: HttpRequest) -> HttpResponse:
    """Lead to the first step that is open, or on to where the person wanted to go."""
    _remember(request)
    return redirect(_where_next(progress_of(_user(request))))


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@page
def where(request: HttpRequest) -> HttpResponse:
    """Country, region and date of birth."""
    user = _user(request)
    profile = profile_of(user.pk)
    initial = {"country": profile.country, "region": profile.region, "birth_date": profile.birth_date}
    form = WhereForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            onboarding.where_set(user_id=user.pk, client=client_of(request), **form.cleaned_data)
        except DomainError as error:
            return _refused(request, WHERE, form, error)
        return _on(request, WHERE)
    return _step(request, WHERE, form)


@login_required
@require_GET
def regions(request: HttpRequest) -> HttpResponse:
    """The field for the region of a chosen country; nothing where the region does not matter."""
    form = WhereForm(initial={"country": request.GET.get("country", "")[:2].upper()})
    return render(request, "onboarding/_region.html", {"form": form})


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@page
def experience(request: HttpRequest) -> HttpResponse:
    """Experience and risk tolerance."""
    user = _user(request)
    profile = profile_of(user.pk)
    initial = {"experience": profile.experience, "risk_tolerance": profile.risk_tolerance}
    form = ExperienceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            onboarding.experience_set(user_id=user.pk, client=client_of(request), **form.cleaned_data)
        except DomainError as error:
            return _refused(request, EXPERIENCE, form, error)
        return _on(request, EXPERIENCE)
    return _step(request, EXPERIENCE, form)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@page
def consent(request: HttpRequest) -> HttpResponse:
    """The texts in force, each with a box of its own."""
    user = _user(request)
    _remember(request)
    form = ConsentForm(request.POST or None, texts=texts_in_force(user.pk))
    if request.method == "POST":
        try:
            consents.consent_give(user_id=user.pk, text_ids=form.text_ids(), client=client_of(request))
        except DomainError as error:
            form.refuse_texts(error)
            form.texts = texts_in_force(user.pk)
            return _refused(request, CONSENT, form, error)
        return redirect(_where_next(progress_of(user)))
    return _step(request, CONSENT, form)


@login_required
@never_cache
@require_GET
@page
def done(request: HttpRequest) -> HttpResponse:
    """Onboarding is complete: where to go from here."""
    progress = progress_of(_user(request))
    if progress.open_step is not None and not progress.is_blocked:
        return redirect(progress.open_step.url)
    context = {"progress": progress, "next": request.session.pop(NEXT, "")}
    return render(request, "onboarding/done.html", context)


@require_GET
@page
def legal(request: HttpRequest, kind: str, version: int | None = None) -> HttpResponse:
    """A text, in its newest version or an older one."""
    text, body = text_get(kind, version)
    versions = versions_of(kind)
    context = {"text": text, "body": body, "versions": versions, "is_newest": text.id == versions[0].id,
               "kinds": LegalText.Kind.choices}  # fmt: skip
    return render(request, "people/legal.html", context)


def _remember(request: HttpRequest) -> None:
    """Keep where the person wanted to go: it is followed at the end."""
    target = request.GET.get("next", "")
    hosts = {request.get_host()}
    if target and url_has_allowed_host_and_scheme(target, allowed_hosts=hosts, require_https=request.is_secure()):
        request.session[NEXT] = target[:500]


def _where_next(progress: Progress) -> str:
    if progress.is_blocked or progress.open_step is None:
        return "/onboarding/done"
    return progress.open_step.url


def _on(request: HttpRequest, key: str) -> HttpResponse:
    """The step after the one that was just answered, done or not, so that back and forth work alike."""
    steps = progress_of(_user(request)).steps
    at = next(index for index, step in enumerate(steps) if step.key == key)
    return redirect(steps[at + 1].url)


def _refused(request: HttpRequest, key: str, form: ServiceForm, error: DomainError) -> HttpResponse:
    if error.code == "region_blocked" and progress_of(_user(request)).is_blocked:
        return redirect("/onboarding/done")
    if key == CONSENT:
        return _step(request, key, form, status=422, message=error.message)
    form.refuse(error)
    return _step(request, key, form, status=422)


def _step(
    request: HttpRequest, key: str, form: ServiceForm, *, status: int | None = None, message: str = ""
) -> HttpResponse:
    progress = progress_of(_user(request))
    steps = list(progress.steps)
    at = next(index for index, step in enumerate(steps) if step.key == key)
    context: dict[str, Any] = {
        "form": form,
        "progress": progress,
        "step": steps[at],
        "number": at + 1,
        "back": steps[at - 1].url if at else "",
        "message": message,
    }
    if key == CONSENT:
        context["bodies"] = text_bodies(progress.texts)
    if status is None:
        status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, f"onboarding/{key}.html", context, status=status)


urlpatterns = [
    path("onboarding", start, name="onboarding"),
    path("onboarding/where", where, name="onboarding-where"),
    path("onboarding/regions", regions, name="onboarding-regions"),
    path("onboarding/experience", experience, name="onboarding-experience"),
    path("onboarding/consent", consent, name="onboarding-consent"),
    path("onboarding/done", done, name="onboarding-done"),
    path("legal/<slug:kind>", legal, name="legal"),
    path("legal/<slug:kind>/<int:version>", legal, name="legal-version"),
]
