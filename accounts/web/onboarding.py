"""Onboarding: one step a page, and the texts to accept."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
