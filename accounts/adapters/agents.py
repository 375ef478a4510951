"""What a browser or a program calls itself, in words."""

from functools import lru_cache

from user_agents import parse

UNKNOWN = "Unknown device"


@lru_cache(maxsize=2_000)
def agent_name(user_agent: str) -> str:
    """ "Firefox on Windows", "curl", "Unknown device"."""
    if not user_agent.strip():
        return UNKNOWN
    found = parse(user_agent)
    browser, system = found.browser.family, found.os.family
    if browser == "Other":
        words = user_agent.split("/", 1)[0].split()
        browser = words[0][:40] if words and words[0] != "Mozilla" else UNKNOWN
    return browser if system == "Other" else f"{browser} on {system}"


def agent_is_mobile(user_agent: str) -> bool:
    """Whether it says that it is a telephone or a tablet."""
    found = parse(user_agent)
    return bool(found.is_mobile or found.is_tablet)
