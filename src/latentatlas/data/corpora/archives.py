"""Members of archives and lines of compressed files, read in memory: nothing is ever unpacked to the disk."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from latentatlas.core import DataError

__all__ = ["csv_rows", "json_lines", "read_text", "tar_members", "zip_members"]

_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
)


@contextmanager
def _sound(path: Path, wanted: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes an error that names the file."""
    try:
        yield
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(f"The corpus wants {wanted} in {path}; it cannot be read: {error}. Get it again.") from error


def read_text(path: Path) -> str:
    """The UTF-8 text of a file, gzipped if its name ends in `.gz`.

    Raises:
        DataError: if the file is damaged.
    """
    with _sound(path, "UTF-8 text"):
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")


def json_lines(text: str, *, where: Path) -> list[dict[str, Any]]:
    """One JSON object per line; empty lines are skipped.

    Raises:
        DataError: if a line is no JSON.
    """
    with _sound(where, "lines of JSON"):
        return [json.loads(line) for line in text.split("\n") if line.strip()]


def csv_rows(text: str) -> list[list[str]]:
    """Rows of comma-separated cells, quoted where need be.

    >>> csv_rows('a,"b, c"')
    [['a', 'b, c']]
    """
    return list(csv.reader(io.StringIO(text, newline="")))


def zip_members(path: Path, *names: str) -> list[bytes]:
    """The content of members of a zip archive, by their full names.

    Raises:
        DataError: if the archive is damaged or lacks a member.
    """
    with _sound(path, ", ".join(names)), zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in names]


def tar_members(path: Path, *names: str) -> list[bytes]:
    """The content of members of a (compressed) tar archive, by their full names, a leading `./` aside.

    Raises:
        DataError: if the archive is damaged or lacks a member.
    """
    found: dict[str, bytes] = {}
    with _sound(path, ", ".join(names)), tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            content = archive.extractfile(member) if name in names else None
            if content is not None:
                found[name] = content.read()
        return [found[name] for name in names]
