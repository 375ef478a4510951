"""Pages of the core app."""

from django.urls import path

from core import web

urlpatterns = [
    path("healthz", web.healthz, name="healthz"),
    path("readyz", web.readyz, name="readyz"),
    path("stream-token", web.stream_token, name="stream-token"),
]
