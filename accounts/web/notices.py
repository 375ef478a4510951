"""The bell, the list of notifications, and what of them a person wants."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
