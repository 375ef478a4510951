"""The prop firm in the administration."""
