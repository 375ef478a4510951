"""Strategies as code and the agents that trade them."""
