"""People: sign-in, roles, suspension."""
