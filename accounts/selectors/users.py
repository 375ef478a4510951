"""The reads of accounts."""

from django.db import connection

from accounts.models import User

_FIELDS = [field.attname for field in User._meta.concrete_fields if field.attname != "password"]
_BY_ID = f"SELECT {', '.join(_FIELDS)} FROM {User._meta.db_table} WHERE id = %s"  # noqa: S608  names of our own columns


def user_by_id(user_id: int) -> User | None:
    """A user without the password hash, by a statement that is built once: every API request with a token asks this."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_ID, [user_id])
        row = cursor.fetchone()
    return None if row is None else User.from_db(connection.alias, _FIELDS, row)
