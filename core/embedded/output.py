"""Log lines of many processes on one terminal, each with a coloured prefix."""

import os
import sys
import time
from contextlib import suppress

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Printer:
    """Writes prefixed lines; colours only on a terminal, and not with NO_COLOR."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._names: list[str] = []

    def line(self, name: str, text: str) -> None:
        """Write one line for a process."""
        if self.quiet:
            return
        if name not in self._names:
            self._names.append(name)
        prefix = f"{time.strftime('%H:%M:%S')} {name:<9}|"
        if self._colour:
            prefix = f"\x1b[{_COLOURS[self._names.index(name) % len(_COLOURS)]}m{prefix}\x1b[0m"
        self.plain(f"{prefix} {text}")

    def plain(self, text: str) -> None:
        """Write a line as it is."""
        with suppress(OSError, ValueError):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


def complain(text: str) -> None:
    """Write a message for a person on standard error."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
