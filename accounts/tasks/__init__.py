"""Background tasks of accounts, by topic. A task keeps the name `accounts.tasks.<topic>.<function>`."""

from accounts.tasks import clearances, entrance, leads, notices, people, privacy, tokens

__all__ = ["clearances", "entrance", "leads", "notices", "people", "privacy", "tokens"]
