"""Pages of the ai_strategies app."""

from django.conf import settings
from django.urls import path

from ai_strategies import web

urlpatterns = [
    path("", web.landing, name="landing"),
    path("contests/<slug:slug>", web.contest_page, name="contest"),
    path("agents/<int:agent_id>", web.agent, name="agent"),
]
if settings.DEBUG:
    urlpatterns.append(path("design", web.design, name="design"))
