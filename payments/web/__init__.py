"""Pages of the payments app, by topic."""
