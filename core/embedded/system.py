"""What the supervisor needs from the operating system: parent-death signals, process identity, accounts."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Account:
    """An unprivileged operating-system account a service runs as when we are root."""

    name: str
    uid: int
    gid: int


def die_with_parent(signum: int) -> Callable[[], None]:
    """Return a `preexec_fn` after which the kernel sends the child `signum` when we die, even by kill -9."""
    parent = os.getpid()

    def arm() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


def start_ticks(pid: int) -> int | None:
    """Return the kernel's start time of a live process, which with its pid names it for good; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(pid: int, ticks: int | None = None) -> bool:
    """Whether this very process still runs (a zombie does not); `ticks` guards against a reused pid."""
    now = start_ticks(pid)
    return now is not None and (ticks is None or now == ticks)


def signal_group(pgid: int, signum: int) -> bool:
    """Signal a whole process group; False when nothing of it is left."""
    try:
        os.killpg(pgid, signum)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def group_members(pgid: int) -> list[int]:
    """Return the live processes (no zombies) of a process group."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == pgid and fields[0] not in "ZX":
                members.append(int(entry.name))
    return members


def processes_in(directory: Path, name: str) -> list[int]:
    """Return the processes of this name working in `directory`: so are all PostgreSQL processes of a cluster."""
    found = []
    wanted = os.path.realpath(directory)
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if not entry.name.isdigit() or (entry / "comm").read_text().strip() != name:
                continue
            if os.path.realpath(entry / "cwd") == wanted and is_alive(int(entry.name)):
                found.append(int(entry.name))
    return found


def _lookup(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def service_account(existing: Path | None = None) -> Account | None:
    """Return the account PostgreSQL must run as when we are root (it refuses root); None when we are not root.

    The owner of an existing data directory wins, so that a checkout used by a person first still works under root.
    """
    if os.geteuid() != 0:
        return None
    if existing is not None and existing.exists() and existing.stat().st_uid != 0:
        stat = existing.stat()
        return Account(f"uid {stat.st_uid}", stat.st_uid, stat.st_gid)
    for name in ("pgserver", "postgres"):
        if (account := _lookup(name)) is not None:
            return account
    if shutil.which("useradd"):
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "pgserver"]
        subprocess.run(command, check=False, capture_output=True)
    account = _lookup("pgserver") or _lookup("nobody")
    if account is None:
        raise RuntimeError("PostgreSQL refuses to run as root, and there is no account 'pgserver' or 'nobody'.")
    return account


def can_reach(path: Path, account: Account) -> bool:
    """Whether the account may walk down to `path`: every directory above it must let it through."""
    for parent in path.resolve().parents:
        stat = parent.stat()
        shift = 6 if stat.st_uid == account.uid else 3 if stat.st_gid == account.gid else 0
        if not (stat.st_mode >> shift) & 1:
            return False
    return True
