"""The organiser's desk of one contest: how it stands, who is in it, what may change, messages to all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from contests import selectors
from contests.forms import sponsors_read
from contests.models import Contest, ContestTemplate, Participant
from contests.selectors import ContestView
from contests.selectors.console import broadcasts_query, desk_of, people_query, person_view
from contests.selectors.results import result_of
from contests.services import contests
from contests.services.broadcasts import broadcast_send
from contests.services.closing import contest_end
from contests.services.drafting import contest_edit
from contests.services.settling import contest_settle
from contests.services.templates import TemplateOrder, template_create
from core.errors import DomainError
from core.pages import page, paginated
from trading.pages import actor, mapped

PEOPLE = 50
MOVES: dict[str, Callable[..., Any]] = {
    "schedule": contests.contest_schedule,
    "start": contests.contest_start,
    "pause": contests.contest_pause,
    "resume": contests.contest_resume,
    "end": contest_end,
    "settle": contest_settle,
    "cancel": contests.contest_cancel,
}
OFFERED = {
    "draft": ("schedule", "cancel"),
    "scheduled": ("start", "cancel"),
    "active": ("pause", "end", "cancel"),
    "paused": ("resume", "end", "cancel"),
    "ended": ("settle",),
}
WORDS = {"schedule": "Schedule", "start": "Start now", "pause": "Pause", "resume": "Resume", "end": "End and rank",
         "settle": "Give the prizes", "cancel": "Call off"}  # fmt: skip


class TemplateForm(forms.Form):
    """A contest's definition as a template."""

    slug = forms.SlugField(label="Address of the template", max_length=44)
    cadence = forms.ChoiceField(label="It repeats", choices=ContestTemplate.Cadence.choices, initial="none")
    zone = forms.CharField(label="Time zone", max_length=40, initial="UTC", help_text="Such as Asia/Kolkata.")
    next_at = forms.DateTimeField(
        label="First start, UTC",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="Where it repeats; later ones start at the same local time.",
    )


class EditForm(forms.Form):
    """What may still change of a contest; `for_contest` leaves out what may not."""

    name = forms.CharField(max_length=120)
    description = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    sponsors = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="A line each: a name, and after a bar an https address, if there is one.",
    )
    capacity = forms.IntegerField(label="Places", min_value=1)
    starts_at = forms.DateTimeField(
        label="Starts at, UTC", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    ends_at = forms.DateTimeField(
        label="Ends at, UTC", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    @classmethod
    def for_contest(cls, contest: ContestView, data: Any = None) -> EditForm:
        """The form as the contest stands."""

        def local(moment: Any) -> str:
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if moment else ""

        lines = [" | ".join(filter(None, (one["name"], one.get("url", "")))) for one in contest.sponsors]
        form = cls(data, initial={
            "name": contest.name, "description": contest.description, "sponsors": "\n".join(lines),
            "capacity": contest.capacity, "starts_at": local(contest.starts_at), "ends_at": local(contest.ends_at),
        })  # fmt: skip
        if contest.status not in ("draft", "scheduled"):
            for name in ("name", "capacity", "starts_at", "ends_at"):
                del form.fields[name]
        return form

    def changes(self) -> dict[str, Any]:
        """What was asked to change."""
        found = {name: self.cleaned_data[name] for name in self.fields if name in self.changed_data}
        if "sponsors" in found:
            found["sponsors"] = list(sponsors_read(found["sponsors"]))
        return found


def _contest(request: HttpRequest, slug: str) -> ContestView:
    if not actor(request).is_staff:
        raise PermissionDenied
    return selectors.contest_get(slug, actor(request))


def _shown(request: HttpRequest, contest: ContestView, form: EditForm, status: int = 200) -> HttpResponse:
    context = {
        "contest": contest,
        "desk": desk_of(contest.id),
        "result": result_of(contest.id),
        "form": form,
        "template_form": TemplateForm(initial={"slug": contest.series[:44]}, auto_id="template-%s"),
        "moves": [{"verb": verb, "words": WORDS[verb]} for verb in OFFERED.get(contest.status, ())],
        "broadcasts": broadcasts_query(contest.id)[:10],
        "invite_code": Contest.objects.values_list("invite_code", flat=True).get(pk=contest.id),
    }
    return render(request, "contests/console/desk.html", context, status=status)


@login_required
@require_GET
@page
def contest_desk(request: HttpRequest, slug: str) -> HttpResponse:
    """The desk: figures, moves, the form for what may change, messages."""
    contest = _contest(request, slug)
    return _shown(request, contest, EditForm.for_contest(contest))


@login_required
@require_POST
@page
def contest_change(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what may still change."""
    contest = _contest(request, slug)
    form = EditForm.for_contest(contest, request.POST)
    if form.is_valid():
        try:
            contest_edit(actor=actor(request), contest_id=contest.id, changes=form.changes())
        except DomainError as error:
            field = str(error.details.get("field", ""))
            form.add_error(field if field in form.fields else None, error.message)
        else:
            messages.success(request, "It is changed.")
            return redirect("contest-desk", slug=contest.slug)
    return _shown(request, contest, form, 422)


@login_required
@require_POST
@page
def contest_move(request: HttpRequest, slug: str, verb: str) -> HttpResponse:
    """Move a contest on, with a reason for the audit trail."""
    contest = _contest(request, slug)
    reason = request.POST.get("reason", "").strip()[:500]
    try:
        if not reason:
            raise DomainError("reason_needed", "Give a reason for the audit trail.", status=422)
        MOVES[verb](actor=actor(request), contest_id=contest.id, reason=reason)
        messages.success(request, f"{contest.name}: done.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("contest-desk", slug=contest.slug)


@login_required
@require_POST
@page
def contest_broadcast(request: HttpRequest, slug: str) -> HttpResponse:
    """Write to everyone in the contest."""
    contest = _contest(request, slug)
    try:
        broadcast_send(actor=actor(request), contest_id=contest.id, body=request.POST.get("body", ""))
        messages.success(request, "Your message is on its way to everyone in it.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("contest-desk", slug=contest.slug)


@login_required
@require_POST
@page
def contest_keep(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the contest's definition as a template, which makes others by itself or when it is asked to."""
    contest = _contest(request, slug)
    form = TemplateForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("contest-desk", slug=contest.slug)
    asked = form.cleaned_data
    row = Contest.objects.get(pk=contest.id)
    lasts = row.ends_at - row.starts_at if row.ends_at is not None and row.starts_at is not None else None
    repeats = asked["cadence"] != "none"
    order = TemplateOrder(
        name=contest.name, spec=contests.spec_of(row), lasts=lasts, cadence=asked["cadence"], zone=asked["zone"],
        next_at=asked["next_at"] if repeats else None,
    )  # fmt: skip
    try:
        made = template_create(actor=actor(request), slug=asked["slug"], order=order)
        messages.success(request, f"The template {made.slug} is kept.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("contest-desk", slug=contest.slug)


@login_required
@require_GET
@page
def contest_people(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is in the contest, found by name or address."""
    contest = _contest(request, slug)
    asked = request.GET.get("q", "").strip()[:100]
    status = request.GET.get("status", "")
    rows = people_query(contest.id, asked, status)
    context = {"contest": contest, "page": mapped(paginated(request, rows, PEOPLE), person_view), "q": asked,
               "status": status, "statuses": Participant.Status.choices}  # fmt: skip
    return render(request, "contests/console/people.html", context)
