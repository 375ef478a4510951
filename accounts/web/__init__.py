"""Pages of accounts, by topic. Each module has its own `urlpatterns`."""
