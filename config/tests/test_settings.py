"""The settings: documented, and fit for production when something is configured."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
SECRET = "0123456789abcdef" * 5
PRODUCTION = {
    "DATABASE_URL": "postgres://arena@127.0.0.1:1/arena",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "arena.example.com",
    "STREAM_PUBLIC_URL": "https://stream.example.com",
}


def python(*arguments, tmp_path, **changes):
    """Run Python in the checkout with the environment of a production installation."""
    env = {"PATH": os.environ["PATH"], "ARENA_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    env |= {name: value for name, value in (PRODUCTION | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_variable_is_documented():
    text = (ROOT / "config/settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text))
    rows = [line for line in (ROOT / "docs/configuration.md").read_text().splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    assert len(read) > 20
    assert read - documented == set()


def test_production_passes_djangos_deployment_check(tmp_path):
    done = python("manage.py", "check", "--deploy", "--fail-level", "WARNING", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr


def test_static_files_are_collected_with_names_that_hold_their_hash(tmp_path):
    done = python("manage.py", "collectstatic", "--noinput", "-v", "0", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "static/staticfiles.json").read_text())["paths"]
    assert manifest["css/tokens.css"] != "css/tokens.css"
    assert (tmp_path / "static" / manifest["css/tokens.css"]).exists()


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_secret_is_a_clear_error(tmp_path, missing):
    done = python("manage.py", "check", tmp_path=tmp_path, SECRET_KEY=missing)
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr.splitlines()[-1]


def test_an_empty_jwt_secret_is_no_key(tmp_path):
    key = "settings.SIMPLE_JWT['SIGNING_KEY']"
    assert setting(key, tmp_path, JWT_SECRET="") == SECRET
    assert setting(key, tmp_path, JWT_SECRET="j" * 70) == "j" * 70


def setting(expression, tmp_path, **changes):
    code = f"from django.conf import settings; print({expression})"
    return python("-c", code, tmp_path=tmp_path, **changes).stdout.strip()


def test_behind_a_proxy_addresses_are_the_clients(tmp_path):
    proxies = "settings.REST_FRAMEWORK['NUM_PROXIES']"
    assert setting(proxies, tmp_path) == "0"
    assert setting(proxies, tmp_path, BEHIND_PROXY="true") == "1"


def test_pages_may_connect_to_the_stream_wherever_it_is_mounted(tmp_path):
    sources = "settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['connect-src'][-1]"
    assert setting(sources, tmp_path, STREAM_PUBLIC_URL="https://live.example.com/stream") == "https://live.example.com"


LOGGED = """
import django, logging; django.setup()
from django.test import Client
client = Client(raise_request_exception=False, headers={"host": "arena.example.com"})
client.get("/api/v1/none?token=abc", secure=True)
client.post("/api/v1/auth/token", "{", content_type="application/json", secure=True)
logging.getLogger("arena").warning("two\\nlines for ann@example.com")
"""


def logged(tmp_path, **changes):
    done = python("-c", LOGGED, tmp_path=tmp_path, **changes)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if "not limited" not in line and "No directory at" not in line]


def test_production_logs_are_one_json_object_a_line_and_each_request_is_one_line(tmp_path):
    lines = [json.loads(line) for line in logged(tmp_path)]
    finished = [line for line in lines if line["event"] == "request_finished"]
    assert [(line["request"], line["code"]) for line in finished] == [
        ("GET /api/v1/none", 404),
        ("POST /api/v1/auth/token", 400),
    ]
    assert [line["event"] for line in lines if line not in finished] == ["two\nlines for ***"]


def test_local_logs_tell_nothing_twice(tmp_path):
    text = "\n".join(logged(tmp_path, DEBUG="true"))
    assert text.count("lines for ***") == 1
    assert "Not Found" not in text
    assert "Bad Request" not in text
