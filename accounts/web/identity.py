"""The settings page of the identity check."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
