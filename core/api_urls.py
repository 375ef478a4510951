"""API of the core app, under /api/v1/."""

from django.urls import path

from core.api_stream import StreamTokenView

urlpatterns = [path("stream-token", StreamTokenView.as_view(), name="api-stream-token")]
