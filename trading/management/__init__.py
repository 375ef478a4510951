"""Commands of the trading app."""
