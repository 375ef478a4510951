"""One's own invoices and credit notes."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import errors
from core.pagination import PagePagination
from payments import wire_payments as wire
from payments.adapters.invoice_pdf import invoice_pdf
from payments.api.common import user_of
from payments.selectors.invoices import invoices_of, paper_get, paper_of


class InvoiceListView(APIView):
    """Papers about payments."""

    pagination_class = PagePagination

    @extend_schema(
        operation_id="invoices_list", tags=["payments"], responses={200: wire.InvoiceOut(many=True), **errors(401)}
    )
    def get(self, request: Request) -> Response:
        """Invoices and credit notes, the newest first."""
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(invoices_of(user_of(request).pk), request, view=self) or []
        return paginator.get_paginated_response(wire.InvoiceOut([paper_of(row) for row in page], many=True).data)


class InvoiceView(APIView):
    """One paper."""

    @extend_schema(
        operation_id="invoices_get", tags=["payments"], responses={200: wire.InvoiceDetailOut, **errors(401, 404)}
    )
    def get(self, request: Request, number: str) -> Response:
        """What stands on it."""
        return Response(wire.InvoiceDetailOut(paper_get(number, user_of(request).pk)).data)


class InvoicePdfView(APIView):
    """One paper as a file."""

    @extend_schema(
        operation_id="invoices_pdf",
        tags=["payments"],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **errors(401, 404)},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """The PDF; the same paper always gives the same bytes."""
        paper = paper_get(number, user_of(request).pk)
        headers = {"Content-Disposition": f'attachment; filename="{paper.number}.pdf"', "Cache-Control": "no-store"}
        return HttpResponse(invoice_pdf(paper), content_type="application/pdf", headers=headers)


urlpatterns = [
    path("invoices", InvoiceListView.as_view(), name="api-invoices"),
    path("invoices/<str:number>.pdf", InvoicePdfView.as_view(), name="api-invoice-pdf"),
    path("invoices/<str:number>", InvoiceView.as_view(), name="api-invoice"),
]
