"""What accounts are for. Pure."""

PRACTICE = "practice"
BROKER = "broker"

# A person's own accounts, of which their plan says how they may be used. What belongs to a contest or a challenge
# comes with it.
PLANNED = frozenset({PRACTICE, BROKER})
