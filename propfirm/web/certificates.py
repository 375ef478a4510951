"""Certificates of the firm, for anyone who has their address."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.http import require_GET

from core.pages import page
from propfirm.adapters.certificate_pdf import certificate_pdf
from propfirm.selectors.certificates import certificate_by_code


@require_GET
@page
def certificate(request: HttpRequest, code: str) -> HttpResponse:
    """What it certifies, and whether it holds today."""
    found = certificate_by_code(code)
    return render(request, "propfirm/certificates/page.html", {"certificate": found, "section": "prop-firm"})


@require_GET
@page
def certificate_file(request: HttpRequest, code: str) -> HttpResponse:
    """The certificate as PDF."""
    found = certificate_by_code(code)
    where = request.build_absolute_uri(reverse("prop-certificate", args=[found.code]))
    headers = {"Content-Disposition": f'attachment; filename="certificate-{found.code}.pdf"'}
    return HttpResponse(certificate_pdf(found, where), content_type="application/pdf", headers=headers)


urlpatterns = [
    path("prop-firm/certificates/<slug:code>", certificate, name="prop-certificate"),
    path("prop-firm/certificates/<slug:code>.pdf", certificate_file, name="prop-certificate-file"),
]
