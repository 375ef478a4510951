"""What higher apps tell accounts about the people in their tables: a copy for the person, and how it is erased."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One app's share of a person's data.

    `export(user_id)` gives (table name, rows as JSON-able mappings), lazily. `erase(user_id)` runs inside the
    transaction that anonymises the person: it removes or blanks what identifies them and leaves the books whole.
    """

    app: str
    export: Callable[[int], Iterable[tuple[str, Rows]]]
    erase: Callable[[int], None]


_registered: dict[str, PersonalData] = {}


def register_personal_data(data: PersonalData) -> None:
    """Called by each app from `AppConfig.ready()`; once an app."""
    if _registered.get(data.app, data) is not data:
        raise ValueError(f"two registrations of personal data by {data.app}")
    _registered[data.app] = data


def personal_data() -> list[PersonalData]:
    """Every app's share, in the order of registration."""
    return list(_registered.values())
