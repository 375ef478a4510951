"""The mailbox of a local installation: mail and text messages that went nowhere else."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
