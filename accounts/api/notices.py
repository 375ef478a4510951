"""Notifications and preferences."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
