"""Where things live: the checkout, its data directory, and places outside it when a path will not do."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from core.embedded import system

ROOT = Path(__file__).resolve().parents[2]
_LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.5432.lock")
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")


def data_dir() -> Path:
    """Return the directory of everything this checkout keeps on disk, created when missing."""
    path = Path(os.environ.get("ARENA_DATA_DIR") or ROOT / ".data").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def venv_bin() -> Path:
    """Return the directory of the virtual environment's commands."""
    return ROOT / ".venv" / "bin"


def _key(path: Path) -> str:
    return hashlib.sha256(f"{os.geteuid()}:{path.resolve()}".encode()).hexdigest()[:12]


def outside(path: Path) -> Path:
    """Return a place of our own for something that cannot live at `path`, always the same one for it."""
    base = Path("/var/lib") if os.access("/var/lib", os.W_OK) else Path("/var/tmp")  # noqa: S108 (_own checks it)
    place = base / f"trading-arena-{_key(path)}"
    _own(place, 0o711)
    return place


def _own(place: Path, mode: int) -> None:
    place.mkdir(mode=mode, exist_ok=True)
    stat = place.lstat()
    if place.is_symlink() or stat.st_uid != os.geteuid():
        raise RuntimeError(f"{place} belongs to somebody else; remove it or ask its owner to.")
    place.chmod(mode)


def cluster_dir(data: Path) -> Path:
    """Return where PostgreSQL keeps its files: `pg` in the data directory, or outside when root's server account cannot
    reach it (a checkout under /root, say); then `pg` becomes a link to that place.
    """
    path = data / "pg"
    if path.is_symlink():
        return path.resolve()
    account = system.service_account(path)
    if path.exists() or account is None or system.can_reach(path, account):
        return path
    place = outside(data) / "pg"
    path.symlink_to(place)
    return place


def short_temp() -> Path:
    """Return the directory for temporary files, short and plain enough for a socket to lie two levels below."""
    base = Path(tempfile.gettempdir())
    return base if _PLAIN.fullmatch(str(base)) and len(str(base)) < 60 else Path("/tmp")  # noqa: S108


def socket_dir(data: Path, account: system.Account | None) -> Path:
    """Return a private directory for the PostgreSQL socket whose path is short and plain enough.

    A Unix socket's path may have 107 bytes at most, and commas, quotes or spaces in it need quoting in three languages.
    """
    near = data / "run"
    plain = _PLAIN.fullmatch(str(near)) and len(str(near)) <= _LONGEST_SOCKET_DIR
    if plain and (account is None or system.can_reach(near, account)):
        place = near
        place.mkdir(mode=0o700, exist_ok=True)
    else:
        place = short_temp() / f"arena-{_key(data)}"
        if account is not None and place.exists() and not place.is_symlink() and place.stat().st_uid == account.uid:
            return place
        _own(place, 0o700)
    if account is not None:
        os.chown(place, account.uid, account.gid)
    place.chmod(0o700)
    return place
