"""The settings page of API keys."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
