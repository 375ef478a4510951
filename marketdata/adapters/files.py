"""Price files on disk: CSV, and LEAN's folder of zipped daily bars beside factor files."""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from core.errors import Invalid

LARGEST_FILE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LeanFiles:
    """One symbol's files in LEAN's layout."""

    symbol: str
    bars: Path
    factors: Path | None


def text_read(path: Path) -> str:
    """A text file in UTF-8; raises Invalid when it is missing, too large or not text."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid("file_too_large", f"{path.name} is larger than {LARGEST_FILE >> 20} MB.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid("file_unreadable", f"{path.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid("file_unreadable", f"{path.name} is not UTF-8 text.") from error


def file_digest(path: Path) -> str:
    """sha256 of a file; raises Invalid when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Invalid("file_unreadable", f"{path.name} cannot be read: {error.strerror}.") from error


def zip_text_read(path: Path) -> str:
    """The text of a zip's single CSV; raises Invalid when the archive is broken, too large or holds something else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()]
            if len(members) != 1 or not members[0].filename.lower().endswith(".csv"):
                raise Invalid("file_unreadable", f"{path.name} does not hold exactly one CSV file.")
            if members[0].file_size > LARGEST_FILE:
                raise Invalid("file_too_large", f"{path.name} unpacks to more than {LARGEST_FILE >> 20} MB.")
            with archive.open(members[0]) as stream:
                raw = stream.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise Invalid("file_too_large", f"{path.name} unpacks to more than {LARGEST_FILE >> 20} MB.")
        return raw.decode("utf-8")
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, UnicodeDecodeError) as error:
        raise Invalid("file_unreadable", f"{path.name} is not a readable zip of one CSV file.") from error


def is_lean(path: Path) -> bool:
    """Whether a folder has LEAN's daily layout."""
    return (path / "daily").is_dir()


def lean_files(root: Path) -> list[LeanFiles]:
    """Every symbol of a folder in LEAN's layout."""
    found = []
    for bars in sorted((root / "daily").glob("*.zip")):
        factors = root / "factor_files" / f"{bars.stem}.csv"
        found.append(LeanFiles(bars.stem.upper(), bars, factors if factors.exists() else None))
    return found
