"""Pages of the contests app. The page of one contest shows agents too, so it lives in ai_strategies."""

from django.urls import path

from contests.web import pages

urlpatterns = [
    path("contests", pages.contest_list, name="contest-list"),
    path("contests/new", pages.contest_new, name="contest-new"),
    path("contests/<slug:slug>/standings.csv", pages.contest_csv, name="contest-csv"),
    path("contests/<slug:slug>/standing", pages.contest_standing, name="contest-standing"),
    path("contests/<slug:slug>/withdraw", pages.contest_leave, name="contest-leave"),
    path("contests/<slug:slug>/join", pages.contest_enter, name="contest-join"),
]
