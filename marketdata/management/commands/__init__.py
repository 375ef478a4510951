"""Commands of the marketdata app."""
