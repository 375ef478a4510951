"""Pages of contests, a module each for one concern."""
