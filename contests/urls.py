"""Pages of the contests app. The page of one contest shows agents too, so it lives in ai_strategies."""

from django.urls import path

from contests import web

urlpatterns = [
    path("contests", web.contest_list, name="contest-list"),
    path("contests/new", web.contest_new, name="contest-new"),
    path("contests/<slug:slug>/standings.csv", web.contest_csv, name="contest-csv"),
    path("contests/<slug:slug>/standing", web.contest_standing, name="contest-standing"),
    path("contests/<slug:slug>/withdraw", web.contest_leave, name="contest-leave"),
    path("contests/<slug:slug>/join", web.contest_enter, name="contest-join"),
]
