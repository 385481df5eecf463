"""Files and folders that are either whole or absent: written beside their place, synced, then renamed."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["fresh_sibling", "publish", "recover", "sweep", "sync_folder", "synced"]

GRACE_SECONDS = 3600.0
"""Leftovers younger than this are kept: on a shared disk their writer may live on another machine."""

WAIT_SECONDS = 1.0
"""How long a reader waits for a living writer that is between its two renames."""

_MARKER = "manifest.json"


@contextmanager
def synced(path: Path) -> Iterator[IO[bytes]]:
    """A new file open for binary writing; on leaving the block its bytes are on the disk."""
    with open(path, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk (a no-operation where the system cannot)."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fresh_sibling(final: Path) -> Path:
    """Make a hidden folder beside `final`, on the same file system, named after this process."""
    folder = _sibling(final, "writing")
    folder.mkdir(parents=True)
    return folder


def publish(folder: Path, final: Path) -> None:
    """Give `folder` the name `final`. A folder that had the name is renamed aside first and removed last.

    At every moment the old or the new folder is whole: a process killed between the two renames leaves the
    old one aside, where `recover` finds it.
    """
    aside = None
    if final.is_dir():
        if any(final.iterdir()):
            aside = _sibling(final, "old")
            os.rename(final, aside)
        else:
            final.rmdir()
    try:
        os.rename(folder, final)
    except BaseException:
        if aside is not None:
            os.rename(aside, final)
        raise
    sync_folder(final.parent)
    if aside is not None:
        discard(aside)


def recover(final: Path) -> None:
    """Put back the old folder if its writer died after renaming it aside and before the new one took its name."""
    aside = _complete_aside(final)
    deadline = time.monotonic() + WAIT_SECONDS
    while aside is not None and _alive(_writer(final, aside)) and time.monotonic() < deadline:
        time.sleep(0.02)
        aside = _complete_aside(final)
    if aside is not None:
        with suppress(FileNotFoundError):  # another reader was faster
            os.rename(aside, final)


def sweep(final: Path) -> None:
    """Remove what dead writers of `final` left beside it. Call after `recover`."""
    for leftover in _siblings(final, "writing") + _siblings(final, "old"):
        state = leftover.stat()
        age = time.time() - max(state.st_mtime, state.st_ctime)
        if age >= GRACE_SECONDS and not _alive(_writer(final, leftover)):
            discard(leftover)


def discard(folder: Path) -> None:
    """Remove a folder, its marker first, so that a half-removed one is never taken for whole."""
    (folder / _MARKER).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _sibling(final: Path, kind: str) -> Path:
    return final.with_name(f"{_prefix(final, kind)}{os.getpid()}-{uuid.uuid4().hex[:12]}")


def _prefix(final: Path, kind: str) -> str:
    return f".{final.name}.{kind}-"


def _siblings(final: Path, kind: str) -> list[Path]:
    if not final.parent.is_dir():
        return []
    return sorted(path for path in final.parent.iterdir() if path.name.startswith(_prefix(final, kind)))


def _complete_aside(final: Path) -> Path | None:
    """The newest whole folder that was renamed aside, if the name `final` is free."""
    if final.exists():
        return None
    whole = [path for path in _siblings(final, "old") if (path / _MARKER).is_file()]
    return max(whole, key=lambda path: path.stat().st_ctime, default=None)


def _writer(final: Path, sibling: Path) -> int:
    for kind in ("writing", "old"):
        rest = sibling.name.removeprefix(_prefix(final, kind))
        if rest != sibling.name and rest.split("-")[0].isdigit():
            return int(rest.split("-")[0])
    return 0


def _alive(process: int) -> bool:
    if process <= 0:
        return False
    if os.name != "posix":  # signal 0 is not a question there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
