"""API of the contests app, under /api/v1/."""

from django.urls import path

from contests.api import fairplay, organisers, places, replays, social, views

urlpatterns = [
    path("arena", replays.ArenaView.as_view()),
    path("arena/<slug:slug>/start", replays.ArenaStartView.as_view()),
    path("contests/<slug:slug>/timeline", replays.TimelineView.as_view()),
    path("contests/<slug:slug>/timeline/names", replays.TimelineNamesView.as_view()),
    path("contests", views.ContestListView.as_view()),
    path("contests/preview", organisers.PreviewView.as_view()),
    path("contests/<slug:slug>", views.ContestDetailView.as_view()),
    path("contests/<slug:slug>/broadcast", organisers.BroadcastView.as_view()),
    path("contests/<slug:slug>/wait", places.WaitView.as_view()),
    path("contests/<slug:slug>/team", places.TeamView.as_view()),
    path("contests/<slug:slug>/reset", places.ResetView.as_view()),
    path("contests/<slug:slug>/certificate", places.CertificateView.as_view()),
    path("contests/<slug:slug>/movers", places.MovesView.as_view()),
    path("contests/<slug:slug>/ranks/<int:account_id>", places.RanksView.as_view()),
    path("contests/<slug:slug>/join", views.ContestJoinView.as_view()),
    path("contests/<slug:slug>/withdraw", views.ContestWithdrawView.as_view()),
    path("contests/<slug:slug>/result", views.ContestResultView.as_view()),
    path("contests/<slug:slug>/status", views.ContestStatusView.as_view()),
    path("contests/<slug:slug>/leaderboard", views.LeaderboardView.as_view()),
    *[path(f"contests/<slug:slug>/{verb}", view) for verb, view in views.CONTEST_MOVES.items()],
    path("contests/<slug:slug>/comments", social.CommentListView.as_view()),
    path("contests/<slug:slug>/comments/<int:comment_id>", social.CommentView.as_view()),
    path("contests/<slug:slug>/comments/<int:comment_id>/report", social.CommentReportView.as_view()),
    path("contests/<slug:slug>/mutes", social.MuteListView.as_view()),
    path("contests/<slug:slug>/mutes/<int:user_id>", social.MuteView.as_view()),
    path("contests/<slug:slug>/feed", social.ContestFeedView.as_view()),
    path("moderation/comments", social.ReportedListView.as_view()),
    *[path(f"moderation/comments/<int:comment_id>/{verb}", view) for verb, view in social.MODERATION.items()],
    path("following", social.FollowingView.as_view()),
    path("following/feed", social.FollowingFeedView.as_view()),
    path("following/<int:user_id>", social.FollowView.as_view()),
    path("competition/start", views.CompetitionStartView.as_view()),
    path("competition/status", views.CompetitionStatusView.as_view()),
    *[path(f"competition/{verb}", view) for verb, view in views.COMPETITION_MOVES.items()],
    *fairplay.urlpatterns,
]
