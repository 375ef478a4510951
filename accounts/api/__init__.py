"""The API of accounts, by topic. Each module has its own `urlpatterns`, below /api/v1/."""
