"""Certificates of the firm: whether what somebody shows is true."""

from __future__ import annotations

from django.conf import settings
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import errors
from core.money import major_text
from propfirm.selectors.certificates import certificate_by_code


class PropCertificateOut(serializers.Serializer):
    """A certificate. Amounts are decimal strings in `currency`; accounts are virtual."""

    code = serializers.CharField()
    kind = serializers.ChoiceField(choices=["passed", "funded", "payout"])
    title = serializers.CharField(help_text="What it certifies, in a few words")
    name = serializers.CharField(help_text="Its holder, as others see them")
    plan = serializers.CharField()
    phase = serializers.CharField()
    currency = serializers.CharField()
    size = serializers.CharField()
    share = serializers.CharField(allow_null=True, help_text="Of a payout: what the holder was paid")
    at = serializers.DateTimeField()
    holds = serializers.BooleanField(help_text="Whether what it says of the account is so today")
    standing = serializers.CharField(help_text="What has become of the account since")
    prices_source = serializers.CharField(help_text="Where the prices come from")
    is_simulated = serializers.BooleanField(help_text="Whether these prices are simulated")
    url = serializers.CharField()


class PropCertificateView(APIView):
    """Verification by anyone."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="prop_certificate",
                   responses={200: PropCertificateOut, **errors(404)})  # fmt: skip
    def get(self, request: Request, code: str) -> Response:  # noqa: ARG002
        """What a certificate says, and whether it holds today."""
        found = certificate_by_code(code)
        share = None if found.share_minor is None else major_text(found.share_minor, found.currency)
        return Response({
            "code": found.code, "kind": found.kind, "title": found.title, "name": found.name, "plan": found.plan,
            "phase": found.phase, "currency": found.currency, "size": major_text(found.size_minor, found.currency),
            "share": share, "at": found.at, "holds": found.holds, "standing": found.standing,
            "prices_source": found.source, "is_simulated": found.is_simulated,
            "url": f"{settings.SITE_URL}/prop-firm/certificates/{found.code}",
        })  # fmt: skip


urlpatterns = [path("prop-firm/certificates/<slug:code>", PropCertificateView.as_view(), name="api-prop-certificate")]
