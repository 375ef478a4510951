"""What higher apps show on people's public pages."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """A line of a public page. `figure` is a return in percent as text, `place` a rank; both may be empty."""

    title: str
    url: str
    note: str
    place: str = ""
    figure: str = ""


@dataclass(frozen=True, slots=True)
class ProfileSection:
    """A part of a public page: a heading and its lines, the newest first."""

    title: str
    rows: tuple[ProfileRow, ...]


SectionProvider = Callable[[int], ProfileSection | None]
_sections: dict[str, SectionProvider] = {}


def register_profile_section(name: str, provider: SectionProvider) -> None:
    """Let an app show something on public pages; called from `AppConfig.ready()`.

    `provider(user_id)` answers with what any visitor may see, a bounded number of lines; None without any.
    """
    if _sections.get(name, provider) is not provider:
        raise ValueError(f"two sections of profiles are called {name}")
    _sections[name] = provider


def profile_sections(user_id: int) -> list[ProfileSection]:
    """What the apps show of a person."""
    found = (provider(user_id) for provider in _sections.values())
    return [section for section in found if section is not None and section.rows]
