"""One supervised child process: how it is started, stopped, and when it may start again."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from core.embedded import system

FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0
STEADY_AFTER = 20.0


@dataclass(frozen=True)
class Spec:
    """What to run and how to treat it."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    stop_signal: int = signal.SIGTERM
    grace: float = 10.0
    restart: bool = True
    is_service: bool = False
    account: system.Account | None = None
    log: Path | None = None
    prepare: Callable[[], None] | None = None


def backoff(failures: int) -> float:
    """Return the wait before the next start after so many short lives in a row: doubling, capped."""
    return min(FIRST_DELAY * 2.0 ** min(failures, 16), LONGEST_DELAY)


@dataclass
class Child:
    """A spec and the process that runs it now, if any."""

    spec: Spec
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    due_at: float | None = None
    returncode: int | None = None
    starts: int = 0
    ending: bool = False
    partial: bytes = field(default=b"", repr=False)

    @property
    def pid(self) -> int | None:
        """The process id, which is also its group's id; None when it does not run."""
        return self.popen.pid if self.popen is not None else None

    def start(self) -> None:
        """Start the process in a session of its own; the kernel stops it should we die."""
        spec = self.spec
        if spec.prepare is not None:
            spec.prepare()
        account = spec.account
        output: int | IO[bytes] = subprocess.PIPE
        if spec.log is not None:
            output = open_log(spec.log)
        try:
            self.popen = subprocess.Popen(
                list(spec.argv),
                cwd=spec.cwd,
                env=dict(spec.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=system.die_with_parent(spec.stop_signal),  # noqa: PLW1509 (we have one thread)
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        finally:
            if not isinstance(output, int):
                output.close()
        if self.popen.stdout is not None:
            os.set_blocking(self.popen.stdout.fileno(), False)
        self.started_at = time.monotonic()
        self.due_at = None
        self.returncode = None
        self.starts += 1

    def schedule_restart(self) -> float:
        """Note the death of the process and return the wait before it starts again."""
        lived = time.monotonic() - self.started_at
        self.failures = 0 if lived >= STEADY_AFTER else self.failures
        delay = backoff(self.failures)
        self.failures += 1
        self.due_at = time.monotonic() + delay
        return delay


def open_log(path: Path, keep_bytes: int = 5_000_000) -> IO[bytes]:
    """Open a log for appending; one that grew large starts over, the old one kept once beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > keep_bytes:
        path.replace(path.with_suffix(".old.log"))
    return path.open("ab")
