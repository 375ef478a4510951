"""API of the accounts app, under /api/v1/. `account/...` are the same under their other names."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("auth/register", api.RegisterView.as_view(), name="auth-register"),
    path("auth/token", api.TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh", api.RefreshView.as_view(), name="auth-token-refresh"),
    path("auth/refresh", api.RefreshView.as_view(schema=None)),
    path("auth/logout", api.LogoutView.as_view(), name="auth-logout"),
    path("auth/me", api.MeView.as_view(), name="auth-me"),
    path("account/register", api.RegisterView.as_view(schema=None)),
    path("account/login", api.TokenView.as_view(schema=None)),
    path("account/refresh_token", api.RefreshView.as_view(schema=None)),
    path("account/profile", api.MeView.as_view(schema=None)),
]
