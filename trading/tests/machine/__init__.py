"""A state machine over the whole order path, and what must hold after each of its steps."""
