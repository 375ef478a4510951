"""Background tasks of accounts, by topic. A task keeps the name `accounts.tasks.<topic>.<function>`."""

from accounts.tasks import clearances, entrance, notices, people, privacy, tokens

__all__ = ["clearances", "entrance", "notices", "people", "privacy", "tokens"]
