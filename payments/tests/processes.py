"""Management commands as processes of their own, on the database of the tests."""

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

REPO = Path(__file__).resolve().parents[2]


def spawn(*command, **environment):
    """Start `manage.py` with the tests' database; `environment` is added to its own."""
    of = connection.settings_dict
    is_socket = str(of["HOST"]).startswith("/")
    host = "" if is_socket else of["HOST"]
    password = f":{of['PASSWORD']}" if of["PASSWORD"] else ""
    address = f"postgres://{of['USER']}{password}@{host}:{of['PORT']}/{of['NAME']}"
    if is_socket:
        address += f"?host={of['HOST']}"
    told = {"DJANGO_SETTINGS_MODULE": "config.settings_test", "DATABASE_URL": address, **environment}
    return subprocess.Popen(
        [sys.executable, str(REPO / "manage.py"), *command],
        cwd=REPO,
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
