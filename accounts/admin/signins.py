"""Sign-ins and API keys."""
