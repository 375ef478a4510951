"""API of the ai_strategies app, under /api/v1/."""

from django.urls import path

from ai_strategies.api import views

urlpatterns = [
    path("agents", views.AgentListView.as_view()),
    path("agents/<int:agent_id>", views.AgentDetailView.as_view()),
    path("trading/strategy/<int:account_id>", views.StrategyView.as_view()),
    path("trading/strategies/<int:account_id>", views.StrategyHistoryView.as_view()),
    path("contests/<slug:slug>/decisions", views.ContestDecisionsView.as_view()),
]
