"""The reads of accounts, by topic."""

from accounts.selectors.users import user_by_id

__all__ = ["user_by_id"]
