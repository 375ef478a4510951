"""API of the payments app, by topic."""
