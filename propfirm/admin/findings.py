"""Pairs of accounts that trade the same, or the opposite: people say what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse

from propfirm.admin.common import FirmAdmin, user_of
from propfirm.models import PropFinding
from propfirm.services.findings import finding_decide


@dataclass(frozen=True, slots=True)
class Examples:
    """A list of the evidence as a table."""

    title: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _words(name: str) -> str:
    return name.replace("_", " ")


def figures_of(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What stands alone in the evidence, by name."""
    return [(_words(name), str(value)) for name, value in evidence.items() if not isinstance(value, list | dict)]


def examples_of(evidence: Mapping[str, Any]) -> list[Examples]:
    """The lists of the evidence: pairs of trades with their ids and times."""
    found = []
    for title, rows in evidence.items():
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            names = tuple(rows[0])
            lines = tuple(tuple(str(row.get(name, "")) for name in names) for row in rows)
            found.append(Examples(_words(title), tuple(map(_words, names)), lines))
    return found


@admin.register(PropFinding)
class PropFindingAdmin(FirmAdmin):
    list_display = ("id", "kind", "left", "right", "market", "score", "status", "decided_by", "last_seen_at")
    list_filter = ("status", "kind")
    list_select_related = ("left", "right", "market", "decided_by")
    search_fields = ("=left__number", "=right__number", "=left__owner__email", "=right__owner__email")
    # What waits for a person comes first, the surest at the top.
    ordering = (Case(When(status=PropFinding.Status.OPEN, then=0), default=1), "-score", "-id")

    def show(self, request: HttpRequest, row: PropFinding) -> HttpResponse:
        """Both accounts and what was found of them."""
        context = {
            "row": row,
            "same_owner": row.left.owner_id == row.right.owner_id,
            "figures": figures_of(row.evidence),
            "examples": examples_of(row.evidence),
        }
        return self.page(request, "finding", f"{row.get_kind_display()}, finding {row.pk}", context)

    def act(self, request: HttpRequest, row: PropFinding, do: str, reason: str) -> None:
        self.attempt(
            request,
            lambda: finding_decide(actor=user_of(request), finding_id=row.pk, status=do, reason=reason),
            f"The finding is {do}.",
        )
