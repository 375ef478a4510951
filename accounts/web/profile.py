"""The settings page of the profile, avatars, and public profile pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
