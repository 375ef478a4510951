"""The signing key of a local installation: made once, kept beside its data. Production names its own."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def local_secret(path: Path) -> str:
    """The key in `path`, made on first use and readable by its owner only (64 random bytes, as HS512 asks for)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(64))
        # A link appears whole or not at all, so processes that start together agree on one key.
        with suppress(FileExistsError):
            os.link(name, path)
        Path(name).unlink()
    return path.read_text().strip()
