"""Settings pages about security: password, email addresses, second factor, passkeys, sessions."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
