"""Scheduled news: looked at here, and imported from a file."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from core.errors import DomainError
from propfirm.admin.common import FirmAdmin, user_of
from propfirm.forms_admin import CalendarForm
from propfirm.models import EconomicEvent
from propfirm.services.calendar import calendar_import
from propfirm.services.operators import actor_of


@admin.register(EconomicEvent)
class EconomicEventAdmin(FirmAdmin):
    list_display = ("at", "title", "impact", "country", "symbols", "source", "imported_at")
    list_filter = ("impact", "source")
    search_fields = ("title", "=country", "=external_id")
    date_hierarchy = "at"
    ordering = ("-at", "id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_operate_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that imports a file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = CalendarForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                done = calendar_import(
                    actor=actor_of(user_of(request)),
                    data=form.cleaned_data["file"].read(),
                    source=form.cleaned_data["source"],
                    zone=form.cleaned_data["zone"],
                )
            except DomainError as error:
                form.add_error("file", error.message)
                for problem in error.details.get("problems", [])[:20]:
                    form.add_error("file", f"Line {problem['line']}: {problem['message']}")
            else:
                self.message_user(request, f"{done.events} events are there, {done.new} of them new.", messages.SUCCESS)
                return redirect("admin:propfirm_economicevent_changelist")
        return self.page(request, "form", "Import news", {"form": form}, status=422 if form.is_bound else 200)
