"""Plans: drafted as a document with its mistakes named, seen as traders will see it, played, offered, withdrawn."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin import reason_of
from core.errors import Conflict, DomainError, Invalid, NotFound
from core.money import Money
from marketdata.models import Market
from propfirm.admin.common import FirmAdmin, user_of
from propfirm.admin.simulator import Simulated, asked_of, mix_fields, simulate
from propfirm.domain.plans import PlanDefinition
from propfirm.domain.presets import presets
from propfirm.forms_admin import PlanForm, StartForm
from propfirm.models import PropPlan
from propfirm.selectors.economics import plan_counts
from propfirm.selectors.plans import PlanView, plan_view
from propfirm.services.odds import STYLES
from propfirm.services.operators import actor_of
from propfirm.services.plans import plan_draft, plan_offer, plan_withdraw


class CountedList(ChangeList):
    """A page of plans with how many accounts each has."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """Count for the rows of this page, in one query."""
        super().get_results(request)
        rows = list(self.result_list)
        counts = plan_counts([row.pk for row in rows])
        for row in rows:
            row.counts = counts.get(row.pk, (0, 0))
        self.result_list = rows


@dataclass(slots=True)
class Desk:
    """A plan on the desk: what was typed, what is wrong with it, and what it means when nothing is."""

    form: PlanForm
    problems: list[dict[str, str]] = field(default_factory=list)
    read: PlanDefinition | None = None
    simulated: Simulated | None = None

    @property
    def view(self) -> PlanView | None:
        """As traders will read it."""
        return None if self.read is None else plan_view(_row(self.read))

    @property
    def prices(self) -> list[tuple[str, str]]:
        """The price alone, and with each add-on."""
        read = self.read
        if read is None:
            return []
        prices = [("The plan", read.price_with([]))]
        prices += [(f"with {item.name}", read.price_with([item.code])) for item in read.add_ons]
        return [(name, str(Money(minor, read.currency))) for name, minor in prices]


def _row(read: PlanDefinition) -> PropPlan:
    """A definition as a row that is not stored."""
    return PropPlan(
        code=read.code,
        version=read.version,
        name=read.name,
        tagline=read.tagline,
        steps=read.steps,
        currency=read.currency,
        size_minor=read.size_minor,
        price_minor=read.price_minor,
        definition=dict(read.document),
        hash=read.hash,
    )


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _read(document: dict[str, Any]) -> tuple[PlanDefinition | None, list[dict[str, str]]]:
    """A document as it would be kept, or what is wrong with it by path."""
    try:
        return PlanDefinition.from_json({**document, "version": 1}), []
    except Invalid as error:
        return None, error.details.get("problems") or [{"path": "", "message": error.message}]


def desk_of(request: HttpRequest, plan: PropPlan | None, start: str = "") -> Desk:
    """What is on the desk: what was posted, else a plan as it is kept, else what one starts from."""
    if request.method == "POST" and "document" in request.POST:
        form = PlanForm(request.POST)
        if not form.is_valid():
            wrong = [{"path": name, "message": str(text)} for name, texts in form.errors.items() for text in texts]
            return Desk(form, wrong)
        read, problems = _read(form.cleaned_data["document"])
        return Desk(form, problems, read)
    document = _start(start) if plan is None else plan.definition
    form = PlanForm(initial={"document": _text(document), "market_id": plan.market_id if plan else None})
    read, problems = _read(document) if document else (None, [])
    return Desk(form, problems, read)


def _start(wanted: str) -> dict[str, Any]:
    """A shipped plan (`preset:CODE`) or a version (`plan:ID`) to start from; nothing when there is none such."""
    kind, _, name = wanted.partition(":")
    if kind == "preset":
        return next((item for item in presets() if item["code"] == name), {})
    if kind == "plan" and name.isascii() and name.isdigit() and len(name) < 19:
        row = PropPlan.objects.filter(pk=int(name)).first()
        return {} if row is None else dict(row.definition)
    return {}


@admin.register(PropPlan)
class PropPlanAdmin(FirmAdmin):
    list_display = ("code", "version", "name", "status", "price", "size", "sold", "live", "rank", "offered_at")
    list_filter = ("status", "steps", "currency")
    search_fields = ("code", "name", "=hash")
    ordering = ("rank", "code", "-version")

    class Media:
        css = {"all": ("css/operators.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CountedList

    def get_queryset(self, request: HttpRequest) -> QuerySet[PropPlan]:
        return super().get_queryset(request).defer("definition")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_operate_permission(request)

    @admin.display(description="price", ordering="price_minor")
    def price(self, row: PropPlan) -> SafeString:
        return format_html('<span class="figure">{}</span>', str(Money(row.price_minor, row.currency)))

    @admin.display(description="size", ordering="size_minor")
    def size(self, row: PropPlan) -> SafeString:
        return format_html('<span class="figure">{}</span>', str(Money(row.size_minor, row.currency)))

    @admin.display(description="sold")
    def sold(self, row: PropPlan) -> SafeString:
        return format_html('<span class="figure">{}</span>', vars(row)["counts"][0])

    @admin.display(description="live")
    def live(self, row: PropPlan) -> SafeString:
        return format_html('<span class="figure">{}</span>', vars(row)["counts"][1])

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A new plan, or a new version of one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        desk = desk_of(request, None, request.GET.get("start", ""))
        if request.method == "POST":
            done = self._work(request, desk, request.POST.get("do", ""))
            if done is not None:
                return done
        return self._page(request, desk, None)

    def show(self, request: HttpRequest, row: PropPlan) -> HttpResponse:
        """A version; `?play=1` with a way of trading simulates it, for whoever may look."""
        desk = desk_of(request, row)
        if request.GET.get("play") and desk.read is not None:
            desk.simulated = simulate(desk.read, asked_of(request.GET))
        return self._page(request, desk, row)

    def act(self, request: HttpRequest, row: PropPlan, do: str, reason: str) -> HttpResponse | None:
        if do == "offer":
            self.attempt(request, lambda: self._offer(request, row), f"{row} is offered.")
            return None
        if do == "withdraw":
            actor = actor_of(user_of(request))
            self.attempt(
                request,
                lambda: plan_withdraw(actor=actor, plan_id=row.pk, reason=reason_of(request)),
                f"{row} is withdrawn.",
            )
            return None
        if row.status != PropPlan.Status.DRAFT:
            self.message_user(request, "This version was offered: it does not change any more.", messages.ERROR)
            return None
        desk = desk_of(request, row)
        return self._work(request, desk, do) or self._page(request, desk, row)

    def _offer(self, request: HttpRequest, row: PropPlan) -> None:
        """Offer what the person has seen, and nothing that was put there meanwhile."""
        now = PropPlan.objects.filter(pk=row.pk).values_list("hash", flat=True).first()
        if now is None:
            raise NotFound("plan_not_found", "There is no such plan.")
        if request.POST.get("hash", "") != now:
            raise Conflict("plan_changed", "The draft has changed since you looked at it. Look at it again.")
        plan_offer(actor=actor_of(user_of(request)), plan_id=row.pk)

    def _work(self, request: HttpRequest, desk: Desk, do: str) -> HttpResponse | None:
        """Keep the draft or simulate it, when it reads; an answer only when it was kept."""
        if desk.read is None:
            return None
        if do == "simulate":
            desk.simulated = simulate(desk.read, asked_of(request.POST))
        if do != "save":
            return None
        values = desk.form.cleaned_data
        try:
            row = plan_draft(
                actor=actor_of(user_of(request)), document=values["document"], market_id=values["market_id"]
            )
        except DomainError as error:
            desk.problems = error.details.get("problems") or [{"path": "", "message": error.message}]
            return None
        self.message_user(request, f"{row} is kept as a draft. Nobody sees it before it is offered.", messages.SUCCESS)
        return redirect(self.address(row))

    def _page(self, request: HttpRequest, desk: Desk, row: PropPlan | None) -> HttpResponse:
        is_draft = row is None or row.status == PropPlan.Status.DRAFT
        asked = asked_of(request.POST if request.method == "POST" else request.GET)
        start = [(f"preset:{item['code']}", f"{item['name']} (ships with the product)") for item in presets()]
        context = {
            "row": row,
            "desk": desk,
            "form": desk.form,
            "is_draft": is_draft,
            "may_edit": is_draft and self.has_operate_permission(request),
            "start": StartForm(request.GET, presets=start) if row is None else None,
            "counts": plan_counts([row.pk]).get(row.pk, (0, 0)) if row else None,
            "market": Market.objects.filter(pk=row.market_id).first() if row and row.market_id else None,
            "styles": STYLES.values(),
            "asked": asked,
            "mix": mix_fields(asked),
        }
        title = "New plan" if row is None else str(row)
        return self.page(request, "plan", title, context, status=422 if desk.problems else 200)
