"""The reads: frozen dataclasses out of rows."""
