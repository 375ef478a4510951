"""The profile, the avatar, and public profiles."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
