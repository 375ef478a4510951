"""The queue of identity checks."""
