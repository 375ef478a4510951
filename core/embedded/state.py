"""Who runs the embedded services of this checkout, and where they are to be found.

Three files in the data directory. `owner.lock` is held by the one process that runs them, `users.lock` shared by all
that use them; the kernel drops both with their holder, so neither can go stale. `services.json` is the owner's word
on what it runs, believed only while its owner lives.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.embedded import system


@dataclass(frozen=True)
class State:
    """What the owner runs."""

    command: str
    pid: int
    ticks: int
    ready: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    processes: Mapping[str, int] = field(default_factory=dict)


def read(data: Path) -> State | None:
    """Return the living owner's state, or None."""
    try:
        state = State(**json.loads((data / "services.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return state if system.is_alive(state.pid, state.ticks) else None


def write(data: Path, state: State) -> None:
    """Replace the state, readable by us alone: it holds passwords."""
    path = data / "services.json"
    draft = data / "services.json.new"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(state), indent=1))
    draft.replace(path)


def remove(data: Path) -> None:
    """Forget the state."""
    with suppress(OSError):
        (data / "services.json").unlink()


def ours(command: str) -> State:
    """Return a state with this process as its owner."""
    return State(command=command, pid=os.getpid(), ticks=system.start_ticks(os.getpid()) or 0)


class Lock:
    """An advisory lock on a file, dropped by the kernel when its holder dies."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, *, shared: bool = False, patience: float = 0.0) -> bool:
        """Take the lock within so many seconds; False when others keep it."""
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self._fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.1)
            else:
                return True

    def keep_over_exec(self) -> None:
        """Let a program we turn into hold the lock on."""
        os.set_inheritable(self._fd, True)

    def drop(self) -> None:
        """Give the lock up."""
        with suppress(OSError):
            os.close(self._fd)
