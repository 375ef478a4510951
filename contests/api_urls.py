"""API of the contests app, under /api/v1/."""

from django.urls import path

from contests.api import views

urlpatterns = [
    path("contests", views.ContestListView.as_view()),
    path("contests/<slug:slug>", views.ContestDetailView.as_view()),
    path("contests/<slug:slug>/join", views.ContestJoinView.as_view()),
    path("contests/<slug:slug>/withdraw", views.ContestWithdrawView.as_view()),
    path("contests/<slug:slug>/result", views.ContestResultView.as_view()),
    path("contests/<slug:slug>/status", views.ContestStatusView.as_view()),
    path("contests/<slug:slug>/leaderboard", views.LeaderboardView.as_view()),
    *[path(f"contests/<slug:slug>/{verb}", view) for verb, view in views.CONTEST_MOVES.items()],
    path("competition/start", views.CompetitionStartView.as_view()),
    path("competition/status", views.CompetitionStatusView.as_view()),
    *[path(f"competition/{verb}", view) for verb, view in views.COMPETITION_MOVES.items()],
]
