"""Where payment providers tell what has happened. No token: the signature over the raw body is the proof."""

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import error_body, errors
from core.throttling import address
from payments.services.webhooks import webhook_receive


class WebhookView(APIView):
    """One address a provider."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()
    throttle_classes = ()

    @extend_schema(
        operation_id="payment_webhook",
        tags=["payments"],
        summary="A payment provider tells something",
        request=OpenApiTypes.BINARY,
        responses={200: OpenApiTypes.OBJECT, **errors(400, 404, 413, 429, 503)},
    )
    def post(self, request: Request, provider: str = "stripe") -> Response:
        """Store and verify the raw body, answer at once; what it names is looked up afterwards."""
        headers = {name: value for name, value in request.headers.items() if isinstance(value, str)}
        taken = webhook_receive(
            provider=provider, body=request._request.body, headers=headers, address=address(request)
        )
        if not taken.is_accepted:
            return Response(error_body(taken.code, taken.message), status=400)
        return Response({"received": True, "code": taken.code})


@extend_schema(exclude=True)
class OldWebhookView(WebhookView):
    """The same at the addresses of the first briefs."""


urlpatterns = [
    path("webhooks/<slug:provider>", WebhookView.as_view(), name="api-webhook"),
    path("payments/webhook/<slug:provider>", OldWebhookView.as_view()),
    path("prop-firm/webhook/<slug:provider>", OldWebhookView.as_view()),
]
