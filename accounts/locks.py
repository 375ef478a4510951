"""Row locks of the accounts app."""

from accounts.models import User
from core.errors import NotFound


def user_lock(user_id: int) -> User:
    """Lock one user's row until the transaction ends. Raises NotFound."""
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise NotFound("user_not_found", "There is no such user.")
    return user
