"""Outlives a supervisor that was killed: stops its process groups and removes its temporary directories.

It reads orders on stdin, one JSON array a line: ["add", pgid, signal, grace], ["del", pgid], ["rm", path], ["bye"].
End of input without "bye" means that the supervisor is gone and nobody else will clean up.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from core.embedded import system


class Watchdog:
    """The supervisor's end: starts the watchdog process, and starts it again should it be killed."""

    def __init__(self) -> None:
        self._popen: subprocess.Popen[bytes] | None = None
        self._groups: dict[int, tuple[int, float]] = {}
        self._paths: list[str] = []

    def start(self) -> None:
        """Start the watchdog and tell it all it must know."""
        root = Path(__file__).resolve().parents[2]
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "core.embedded.watchdog"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        for pgid, (signum, grace) in self._groups.items():
            self._send("add", pgid, signum, grace)
        for path in self._paths:
            self._send("rm", path)

    def check(self) -> None:
        """Start the watchdog again if it is gone."""
        if self._popen is not None and self._popen.poll() is not None:
            self.start()

    def add(self, pgid: int, signum: int, grace: float) -> None:
        """Watch a process group."""
        self._groups[pgid] = (signum, grace)
        self._send("add", pgid, signum, grace)

    def forget(self, pgid: int) -> None:
        """Stop watching a group that has ended."""
        if self._groups.pop(pgid, None) is not None:
            self._send("del", pgid)

    def remove_later(self, path: Path) -> None:
        """Remove this directory should the supervisor die."""
        self._paths.append(str(path))
        self._send("rm", str(path))

    def dismiss(self) -> None:
        """End the watchdog: the supervisor has cleaned up itself."""
        self._send("bye")
        if self._popen is not None and self._popen.stdin is not None:
            with suppress(OSError):
                self._popen.stdin.close()
            self._popen.wait(timeout=5)
            self._popen = None

    def _send(self, *order: object) -> None:
        if self._popen is None or self._popen.stdin is None:
            return
        with suppress(OSError):
            self._popen.stdin.write(json.dumps(order).encode() + b"\n")
            self._popen.stdin.flush()


def _stop_groups(groups: dict[int, tuple[int, float]]) -> None:
    for pgid, (signum, _) in groups.items():
        system.signal_group(pgid, signum)
    started = time.monotonic()
    while groups:
        for pgid, (_, grace) in list(groups.items()):
            if not system.group_members(pgid):
                del groups[pgid]
            elif time.monotonic() - started > grace:
                system.signal_group(pgid, signal.SIGKILL)
        time.sleep(0.1)


def main() -> None:
    """Read orders until the supervisor ends; clean up if it did not."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    groups: dict[int, tuple[int, float]] = {}
    paths: list[str] = []
    for line in sys.stdin.buffer:
        order = json.loads(line)
        if order[0] == "add":
            groups[order[1]] = (order[2], order[3])
        elif order[0] == "del":
            groups.pop(order[1], None)
        elif order[0] == "rm":
            paths.append(order[1])
        elif order[0] == "bye":
            return
    _stop_groups(groups)
    os.chdir("/")
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
