"""Pages of the trading app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
