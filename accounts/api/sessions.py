"""Where the user is signed in, and ending it."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
