"""Reads a Procfile: `name: command` lines, as Heroku, honcho and foreman have them."""

import re
from pathlib import Path

_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+)$")
RELEASE = "release"


def read(path: Path) -> dict[str, str]:
    """Return the long-running processes, in their order; the release phase is not one."""
    processes: dict[str, str] = {}
    for number, raw in enumerate(path.read_text().splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise RuntimeError(f"{path.name}, line {number}: not of the form `name: command`.")
        processes[match[1]] = match[2]
    processes.pop(RELEASE, None)
    return processes


def shell_argv(command: str) -> list[str]:
    """Return how to run a line so that its program, not a shell, is the process we watch."""
    return ["/bin/sh", "-c", f"exec {command}"]
