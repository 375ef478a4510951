"""The prop firm as an API, a module each for one concern."""
