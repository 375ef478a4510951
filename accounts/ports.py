"""What higher apps tell accounts about the people in their tables: a copy for the person, and how it is erased."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, Q
from django.db.models.fields.files import FieldFile

Row = Mapping[str, Any]
CHUNK = 2_000


def _nothing(user_id: int) -> None:  # noqa: ARG001
    return None


def _no_files(user_id: int) -> Iterable[tuple[str, FieldFile]]:  # noqa: ARG001
    return ()


@dataclass(frozen=True, slots=True)
class Table:
    """One file of a person's copy: the rows of a model that are about the person.

    `whose` is a lookup that names the person ("owner_id", "account__owner_id"), or makes the condition. Every column is
    in it but those in `leave_out`, whose reason is given there; `columns` names them one by one instead.
    """

    name: str
    about: str
    model: type[Model]
    whose: str | Callable[[int], Q]
    leave_out: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns, in the order of the model."""
        if self.columns:
            return self.columns
        every = (column.attname for column in self.model._meta.concrete_fields)
        return tuple(name for name in every if name not in self.leave_out)

    def _rows(self, user_id: int) -> Any:
        wanted = self.whose(user_id) if callable(self.whose) else Q(**{self.whose: user_id})
        return self.model._base_manager.filter(wanted)

    def count(self, user_id: int) -> int:
        """How many rows there are."""
        return int(self._rows(user_id).count())

    def rows(self, user_id: int) -> Iterator[Row]:
        """The rows, read a chunk at a time."""
        found: Iterator[Row] = self._rows(user_id).order_by("pk").values(*self.shown).iterator(chunk_size=CHUNK)
        return found


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One app's share of a person's data.

    `erase(user_id)` runs inside the transaction that anonymises the person: it removes or blanks what identifies them
    and leaves the books whole. `afterwards(user_id)` runs after that transaction, outside of any, until it succeeds: it
    must bear being repeated. `files` are (name in the copy, file). `left_out` names models, and why no copy holds them.
    """

    app: str
    tables: tuple[Table, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    erase: Callable[[int], None] = _nothing
    afterwards: Callable[[int], None] = _nothing
    files: Callable[[int], Iterable[tuple[str, FieldFile]]] = _no_files


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a person cannot be erased yet: a code, and what to do about it in words."""

    code: str
    message: str


Check = Callable[[int], Obstacle | None]
_registered: dict[str, PersonalData] = {}
_checks: dict[str, Check] = {}


def register_personal_data(data: PersonalData) -> None:
    """Called by each app from `AppConfig.ready()`; once an app."""
    if _registered.get(data.app, data) is not data:
        raise ValueError(f"two registrations of personal data by {data.app}")
    _registered[data.app] = data


def personal_data() -> list[PersonalData]:
    """Every app's share, in the order of registration."""
    return list(_registered.values())


def register_deletion_check(name: str, check: Check) -> None:
    """Let an app say what must be settled before a person goes, such as a payout on its way."""
    if _checks.get(name, check) is not check:
        raise ValueError(f"two checks before deletion are called {name}")
    _checks[name] = check


def deletion_obstacle(user_id: int) -> Obstacle | None:
    """The first thing that must be settled before this person goes."""
    return next((found for check in list(_checks.values()) if (found := check(user_id)) is not None), None)
