"""Pages of the marketdata app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
