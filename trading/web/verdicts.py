"""The evidence of a verdict as a file: JSON to prove, PDF to read."""

from __future__ import annotations

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from core.pages import page
from trading.adapters.verdict_pdf import verdict_pdf
from trading.pages import viewer
from trading.selectors.rules import verdict_evidence


@login_required
@require_GET
@page
def evidence_json(request: HttpRequest, verdict_id: int) -> HttpResponse:
    """All that the verdict was computed from: what `manage.py verify_verdict` takes."""
    found = verdict_evidence(verdict_id, viewer(request))
    text = json.dumps(found, indent=2, ensure_ascii=True)
    return _file(HttpResponse(text, content_type="application/json"), f"verdict-{verdict_id}.json")


@login_required
@require_GET
@page
def evidence_pdf(request: HttpRequest, verdict_id: int) -> HttpResponse:
    """The same in plain words on paper."""
    found = verdict_evidence(verdict_id, viewer(request))
    return _file(HttpResponse(verdict_pdf(found), content_type="application/pdf"), f"verdict-{verdict_id}.pdf")


def _file(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
