"""Background tasks of accounts, by topic. A task keeps the name `accounts.tasks.<topic>.<function>`."""

from accounts.tasks import entrance, notices, people, privacy, tokens

__all__ = ["entrance", "notices", "people", "privacy", "tokens"]
