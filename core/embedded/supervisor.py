"""Keeps processes running: one single-threaded loop over their output, their deaths, their restarts and our signals."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from core.embedded import system
from core.embedded.output import Printer
from core.embedded.process import Child, Spec
from core.embedded.watchdog import Watchdog


class Supervisor:
    """Starts children, restarts those that crash, and leaves nothing running behind. Use it as a context manager."""

    def __init__(self, printer: Printer | None = None) -> None:
        self.printer = printer or Printer()
        self.children: list[Child] = []
        self.stop_requested: int | None = None
        self._stopping = False
        self._foreground: subprocess.Popen[bytes] | None = None
        self._selector = selectors.DefaultSelector()
        self._watchdog = Watchdog()
        self._wake_read, self._wake_write = socket.socketpair()
        self._old_handlers: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        """Take over the signals and start the watchdog."""
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            self._old_handlers[signum] = signal.signal(signum, self._on_signal)
        self._watchdog.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything and give the signals back."""
        self.stop_all()
        self._watchdog.dismiss()
        signal.set_wakeup_fd(-1)
        for signum, handler in self._old_handlers.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def start(self, spec: Spec) -> Child:
        """Start a child and keep it running."""
        child = Child(spec)
        self.children.append(child)
        self._launch(child)
        return child

    def drop(self, child: Child) -> None:
        """Stop a child and look after it no more."""
        self._stop([child])
        self.children.remove(child)

    def remove_later(self, path: Path) -> None:
        """Have a temporary directory removed even if this process is killed."""
        self._watchdog.remove_later(path)

    def wait(self, condition: Callable[[], bool], timeout: float, poll: float = 0.05) -> bool:
        """Serve the children until the condition holds, a stop is asked for, or time is up."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.stop_requested is None:
            if condition():
                return True
            self.pump(poll)
        return False

    def run(self, spec: Spec) -> int:
        """Run a one-off child to its end while the others are looked after; 130 when a stop was asked for."""
        child = self.start(spec)
        while child.returncode is None and self.stop_requested is None:
            self.pump(0.5)
        if child.returncode is None:
            self._stop([child])
        self.children.remove(child)
        return child.returncode if child.returncode is not None and self.stop_requested is None else 130

    def run_foreground(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> int:
        """Run a command on our own terminal to its end while the services are looked after; return its exit code."""
        arm = system.die_with_parent(signal.SIGTERM)
        self._foreground = subprocess.Popen(list(argv), env=dict(env), cwd=cwd, preexec_fn=arm)  # noqa: PLW1509
        while self._foreground.poll() is None:
            self.pump(0.5)
        code = self._foreground.returncode
        self._foreground = None
        return code if code >= 0 else 128 - code

    def forever(self) -> None:
        """Look after the children until a stop is asked for."""
        while self.stop_requested is None:
            self.pump(1.0)

    def pump(self, timeout: float) -> None:
        """Handle what happens within `timeout`: output, deaths, due restarts."""
        now = time.monotonic()
        due = [child.due_at - now for child in self.children if child.due_at is not None]
        for key, _ in self._selector.select(max(0.0, min([timeout, *due]))):
            if isinstance(key.data, Child):
                self._read(key.data)
            else:
                with suppress(BlockingIOError):
                    self._wake_read.recv(4096)
        self._watchdog.check()
        self._reap()
        if not self._stopping:
            for child in self.children:
                if child.due_at is not None and child.due_at <= time.monotonic():
                    self._launch(child)

    def stop_all(self) -> None:
        """Stop the processes together, then the services, last started first."""
        self._stopping = True
        self.stop_requested = self.stop_requested or signal.SIGTERM
        for child in self.children:
            child.due_at = None
        self._stop([child for child in self.children if not child.spec.is_service])
        for child in reversed([child for child in self.children if child.spec.is_service]):
            self._stop([child])

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        if signum == signal.SIGCHLD:
            return
        if self._foreground is not None:
            if not (signum == signal.SIGINT and _owns_terminal()):  # Ctrl-C has reached the command already
                with suppress(ProcessLookupError):
                    self._foreground.send_signal(signum)
            return
        if self.stop_requested is not None and signum == signal.SIGINT:
            for child in self.children:  # asked twice: do not wait
                if child.pid is not None and not child.spec.is_service:
                    system.signal_group(child.pid, signal.SIGKILL)
        self.stop_requested = signum

    def _launch(self, child: Child) -> None:
        try:
            child.start()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            child.started_at = time.monotonic()
            child.due_at = None
            if child.spec.restart:
                child.returncode = None
                delay = child.schedule_restart()
                self.printer.line("arena", f"{child.spec.name} cannot start ({error}); trying again in {delay:g} s")
            else:
                child.returncode = 127
                self.printer.line("arena", f"{child.spec.name} cannot start: {error}")
            return
        assert child.popen is not None
        self._watchdog.add(child.popen.pid, child.spec.stop_signal, child.spec.grace)
        if child.popen.stdout is not None:
            self._selector.register(child.popen.stdout, selectors.EVENT_READ, child)

    def _read(self, child: Child) -> bool:
        """Pass on what the child wrote; False at the end of its output."""
        stream = child.popen.stdout if child.popen is not None else None
        if stream is None:
            return False
        try:
            chunk = os.read(stream.fileno(), 65536)
        except BlockingIOError:
            return False
        *lines, child.partial = (child.partial + chunk).split(b"\n")
        if not chunk:
            self._selector.unregister(stream)
            stream.close()
            child.popen.stdout = None  # type: ignore[union-attr]
            lines, child.partial = ([child.partial] if child.partial else []), b""
        for line in lines:
            self.printer.line(child.spec.name, line.decode(errors="replace").rstrip("\r"))
        return bool(chunk)

    def _reap(self) -> None:
        for child in self.children:
            if child.popen is None or child.popen.poll() is None:
                continue
            pgid, code = child.popen.pid, child.popen.returncode
            system.signal_group(pgid, signal.SIGKILL)  # whatever it left behind in its group
            while self._read(child):
                pass
            if child.popen.stdout is not None:
                self._selector.unregister(child.popen.stdout)
                child.popen.stdout.close()
            self._watchdog.forget(pgid)
            child.popen, child.returncode = None, code
            if child.spec.restart and not child.ending and not self._stopping and self.stop_requested is None:
                delay = child.schedule_restart()
                self.printer.line(
                    "arena", f"{child.spec.name} ended ({_describe(code)}); starting it again in {delay:g} s"
                )

    def _stop(self, children: Sequence[Child]) -> None:
        """Ask these to stop; kill those that do not within their grace."""
        began = time.monotonic()
        for child in children:
            child.due_at, child.ending = None, True
            if child.pid is not None:
                system.signal_group(child.pid, child.spec.stop_signal)
        while any(child.popen is not None for child in children):
            for child in children:
                if child.pid is not None and time.monotonic() - began > child.spec.grace:
                    system.signal_group(child.pid, signal.SIGKILL)
            self.pump(0.1)


def _describe(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _owns_terminal() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
