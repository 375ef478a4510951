"""How telling it is that users share something. Pure."""

DEVICE, IP, PAYMENT = "device", "ip", "payment"
# From how many users on it is worth a look.
ENOUGH = {DEVICE: 2, PAYMENT: 2, IP: 4}
# More than these behind one address are an office, a school or a mobile network.
OFFICE = 20


def score_of(kind: str, users: int) -> int:
    """0 to 100: how likely it is that the users are one person."""
    extra = max(users - ENOUGH[kind], 0)
    if kind == PAYMENT:
        return min(90 + 5 * extra, 100)
    if kind == DEVICE:
        return min(70 + 5 * extra, 100)
    return 10 if users > OFFICE else min(20 + 3 * extra, 100)
