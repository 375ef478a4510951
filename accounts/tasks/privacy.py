"""Building copies of data, deletions that are due, retention."""
