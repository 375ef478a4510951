"""bin/up and bin/manage from start to end, in a small checkout of their own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.embedded import paths, system
from core.tests.test_embedded_supervisor import ROOT, until

SETTINGS = """
import environ
env = environ.Env()
SECRET_KEY = "x"
INSTALLED_APPS = []
DATABASES = {"default": env.db_url("DATABASE_URL")}
"""
SERVER = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ready")
    def log_message(self, *a): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""
MANAGE = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print("answer", connection.execute("select 6 * 7").fetchone()[0], os.environ["REDIS_URL"], flush=True)
"""


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="arena up ", dir="/tmp"))
    base.chmod(0o711)
    shutil.copytree(ROOT / "core" / "embedded", base / "core" / "embedded")
    (base / ".venv").symlink_to(sys.prefix)
    (base / "config").mkdir()
    (base / "config" / "settings.py").write_text(SETTINGS)
    (base / "server.py").write_text(SERVER)
    (base / "manage.py").write_text(MANAGE)
    lines = ["release: false", "web: python server.py", "stream: python server.py", "worker: sleep 300"]
    (base / "Procfile").write_text("\n".join(lines) + "\n")
    (base / ".data").mkdir()
    (base / ".data" / "demo-signins.json").write_text('[{"role": "admin", "email": "a@b.example", "password": "pw-1"}]')
    yield base
    for each in (base, paths.short_temp() / f"arena-{paths._key(base / '.data')}"):
        shutil.rmtree(each, ignore_errors=True)


def environment() -> dict[str, str]:
    hidden = {"DATABASE_URL", "REDIS_URL", "ARENA_DATA_DIR", "ARENA_EMBEDDED", "STREAM_PUBLIC_URL", "PORT"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {"DJANGO_SETTINGS_MODULE": "config.settings"}


def run(checkout: Path, module: str, *argv: str) -> "subprocess.CompletedProcess[str]":
    script = f"import sys; from core.embedded.{module} import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, *argv]
    return subprocess.run(
        command, check=False, cwd=checkout, env=environment(), capture_output=True, text=True, timeout=60
    )


class Up:
    """A running bin/up and what it said."""

    def __init__(self, checkout: Path, *argv: str) -> None:
        self.checkout = checkout
        self.log = checkout / "up.log"
        script = "import sys; from core.embedded.up import main; sys.exit(main(sys.argv[1:]))"
        with self.log.open("wb") as log:
            command = [sys.executable, "-c", script, *argv]
            self.popen = subprocess.Popen(command, cwd=checkout, env=environment(), stdout=log, stderr=log)
        assert until(lambda: "Trading Arena is at" in self.said or self.popen.poll() is not None, 60), self.said
        assert self.popen.poll() is None, self.said

    @property
    def said(self) -> str:
        return self.log.read_text()

    def pids(self) -> dict[str, int]:
        return dict(json.loads((self.checkout / ".data" / "services.json").read_text())["processes"])

    def url(self) -> str:
        found = re.search(r"Trading Arena is at (\S+)", self.said)
        assert found is not None
        return found[1]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url()}/readyz", timeout=2) as page:
                return page.read() == b"ready"
        except OSError:
            return False


def test_a_day_of_bin_up(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = busy.getsockname()[1]
        up = Up(checkout, "--port", str(taken), "--stream-port", str(taken))
    assert f"port {taken} is taken: the site is on port" in up.said
    assert "a@b.example  pw-1   admin" in up.said
    assert up.answers()

    assert until(lambda: set(up.pids()) == {"postgres", "redis", "web", "stream", "worker"})
    before = up.pids()
    for name in ("web", "worker", "postgres", "redis"):
        os.kill(before[name], signal.SIGKILL)
    assert until(
        lambda: len(up.pids()) == 5 and not set(up.pids().values()) & {before[name] for name in ("web", "redis")}
    )
    assert until(up.answers)

    second = run(checkout, "up")
    assert second.returncode == 1
    assert "already running here: http://" in second.stderr
    assert until(lambda: "answer 42 redis://" in run(checkout, "manage", "anything").stdout)

    pids = up.pids()
    up.popen.terminate()
    assert up.popen.wait(timeout=20) == 0
    assert not any(system.is_alive(pid) for pid in pids.values())
    assert not (checkout / ".data" / "services.json").exists()


def test_bin_manage_brings_its_own_services_and_takes_them_away(checkout: Path) -> None:
    done = run(checkout, "manage", "anything")
    assert "answer 42 redis://" in done.stdout, done.stderr
    assert done.returncode == 0
    assert not (checkout / ".data" / "services.json").exists()
    data = checkout / ".data"
    assert system.processes_in(paths.cluster_dir(data), "postgres") == []


def test_a_killed_bin_up_leaves_nothing_and_starts_again(checkout: Path) -> None:
    up = Up(checkout, "--no-demo", "--port", "18000", "--stream-port", "18500")
    assert until(lambda: len(up.pids()) == 5)
    pids = up.pids()
    up.popen.kill()
    up.popen.wait()
    assert until(lambda: not any(system.is_alive(pid) for pid in pids.values()))
    again = Up(checkout, "--port", "18000", "--stream-port", "18500")
    assert again.answers()
    again.popen.send_signal(signal.SIGINT)
    assert again.popen.wait(timeout=20) == 0
