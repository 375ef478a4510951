"""The agents API: who they are, how they decide, what they decided."""
