"""Addresses that fail in every way, for the tests of the error envelope."""

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.errors import Conflict, Denied, Unavailable
from core.models import LedgerAccount
from core.pagination import PagePagination

PAGE_ERRORS: dict[str, Exception] = {
    "crash": RuntimeError("secret detail"),
    "bad": SuspiciousOperation(),
    "no": PermissionDenied(),
    "gone": Http404("secret detail"),
}
ERRORS: dict[str, Exception] = {
    "conflict": Conflict("taken", "It is taken.", {"by": 1}),
    "denied": Denied("insufficient_funds", "You have too little."),
    "unavailable": Unavailable("stale_price", "The price is old."),
    "field": exceptions.ValidationError({"qty": ["Must be positive."], "legs": [{"price": ["Required."]}]}),
    "nofield": exceptions.ValidationError("Nonsense."),
    "throttled": exceptions.Throttled(wait=7),
    "missing": exceptions.NotFound(),
    "http404": Http404("secret detail"),
    "denied403": PermissionDenied("secret detail"),
    "teapot": exceptions.APIException("I am a teapot.", code="teapot"),
    "crash": RuntimeError("secret detail"),
}


class FailView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, name: str) -> Response:
        raise ERRORS[name]


class EchoView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        return Response({"got": request.data})


class PrivateView(APIView):
    def get(self, request: Request) -> Response:
        return Response({"id": request.user.pk})

    def post(self, request: Request) -> Response:
        return Response({"id": request.user.pk})


class _Out(serializers.ModelSerializer):
    class Meta:
        model = LedgerAccount
        fields = ("code",)


class ListView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        pages = PagePagination()
        rows = pages.paginate_queryset(LedgerAccount.objects.order_by("pk"), request, view=self)
        return pages.get_paginated_response(_Out(rows, many=True).data)


class AuthScoped(EchoView):
    throttle_scope = "auth"


def where(request: HttpRequest, **_: Any) -> HttpResponse:
    return JsonResponse({"path": request.path})


def page(request: HttpRequest, name: str) -> HttpResponse:
    raise {
        "crash": RuntimeError("secret detail"),
        "bad": SuspiciousOperation(),
        "no": PermissionDenied(),
        "gone": Http404(),
    }[name]


urlpatterns = [
    path("api/v1/fail/<name>", FailView.as_view()),
    path("api/v1/echo", EchoView.as_view()),
    path("api/v1/private", PrivateView.as_view()),
    path("api/v1/list", ListView.as_view()),
    path("api/v1/limited", AuthScoped.as_view()),
    path("api/v1/where", where),
    path("api/v1/page/<name>", page),
    path("api/schema", where),
    path("here", where),
    path("page/<name>", page),
    path("", include("config.urls")),
]
handler400 = "core.web.bad_request"
handler403 = "core.web.permission_denied"
handler404 = "core.web.page_not_found"
handler500 = "core.web.server_error"
