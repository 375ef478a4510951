"""Pages of the prop firm, a module each for one concern."""
