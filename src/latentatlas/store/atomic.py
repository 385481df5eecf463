"""Files and folders that are either whole or absent: written beside their place, synced, then renamed.

A writer holds what it writes with a lock of the system, which ends with the process, so no clock and no process number
decides what is left over. Such locks are known on one machine only; what other machines left is judged by its age.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["discard", "fresh_sibling", "held", "publish", "recover", "replacing", "sweep", "sync_folder", "synced"]

GRACE_SECONDS = 3600.0
"""Leftovers younger than this are kept where locks cannot tell whether their writer lives."""

WAIT_SECONDS = 1.0
"""How long a reader waits for a living writer that is between its two renames."""

HOLD_SECONDS = 60.0
"""How long a writer waits for another one, which holds a folder while it renames or replaces small files."""

_MARKER = "manifest.json"
_ATTEMPTS = 100
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF)


@contextmanager
def synced(path: Path) -> Iterator[IO[bytes]]:
    """A new file open for binary writing; on leaving the block its bytes are on the disk."""
    with open(path, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Bring the names in a folder, or what a file holds, to the disk (a no-operation where the system cannot)."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def held(path: Path, *, wait: float = 0.0) -> Iterator[bool]:
    """While the block runs no other process of this machine holds this file or folder, whatever its name becomes.

    Yields whether that is so: Windows and some file systems do not know such locks.

    Raises:
        BlockingIOError: if another process still holds it after `wait` seconds.
        FileNotFoundError: if it does not exist.
    """
    descriptor = _hold(path, deadline=time.monotonic() + wait)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file open for writing that takes the name `path`, from whatever had it, when the block ends well."""
    with _held_sibling(path, Path.touch) as part:
        with synced(part) as file:
            yield file
        os.replace(part, path)
        sync_folder(path.parent)


@contextmanager
def fresh_sibling(final: Path) -> Iterator[Path]:
    """A new hidden folder beside `final`, on the same file system; removed in the end unless it was published."""
    with _held_sibling(final, Path.mkdir) as folder:
        yield folder


def publish(folder: Path, final: Path, *, replace: bool) -> None:
    """Give `folder` the name `final`; with `replace` from a folder that has it, which is removed then.

    At every moment the old or the new folder is whole: the old one is renamed aside first and removed last. A process
    killed between the two renames leaves it aside, where `recover` finds it.

    Raises:
        OSError: if the name is taken and `replace` is false, or the system refuses; `final` is as it was then.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with suppress(OSError):
                final.rmdir()  # an empty folder is free
            if replace and final.exists():
                _exchange(folder, final)
            else:
                os.rename(folder, final)
            break
        except OSError as error:  # another writer came first, or a reader put the old folder back
            if not replace or error.errno not in (*_TAKEN, errno.ENOENT) or attempt + 1 == _ATTEMPTS:
                raise
    sync_folder(final.parent)


def recover(final: Path) -> None:
    """Put back the old folder if its writer died after renaming it aside and before the new one took its name."""
    aside = _complete_aside(final)
    if aside is None:
        return
    with suppress(OSError), held(aside, wait=WAIT_SECONDS):
        pass  # a living writer holds what it renamed aside until the new folder has the name
    if final.exists():
        return
    try:
        os.rename(aside, final)
    except OSError as error:
        if error.errno not in (*_TAKEN, errno.ENOENT):  # another reader, or the writer, was faster
            raise


def sweep(final: Path) -> None:
    """Remove what dead writers of `final` left beside it. Call after `recover`."""
    _remove_superseded(final)
    for leftover in _siblings(final, "writing"):
        with suppress(OSError), held(leftover) as alone:
            if (alone and _is_of_this_machine(final, leftover)) or _age(leftover) >= GRACE_SECONDS:
                discard(leftover)


def discard(path: Path) -> None:
    """Remove a file, or a folder with its marker first, so that a half-removed one is never taken for whole."""
    if path.is_dir():
        (path / _MARKER).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _exchange(folder: Path, final: Path) -> None:
    with held(final, wait=HOLD_SECONDS):
        _remove_superseded(final)  # so that only one folder can be the one to be put back
        aside = _sibling(final, "old")
        os.rename(final, aside)
        try:
            os.rename(folder, final)
        except BaseException:
            with suppress(OSError):
                os.rename(aside, final)
            raise
        sync_folder(final.parent)
        discard(aside)


def _remove_superseded(final: Path) -> None:
    """Remove folders that were renamed aside, and half-removed ones; a whole one stays while the name is free."""
    found = _siblings(final, "old")  # before the next line: what was aside when the name was taken is superseded
    taken = final.exists()
    for aside in found:
        if taken or not (aside / _MARKER).exists():
            with suppress(OSError):
                discard(aside)


@contextmanager
def _held_sibling(final: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    final.parent.mkdir(parents=True, exist_ok=True)
    sweep(final)
    with ExitStack() as stack:
        while True:
            path = _sibling(final, "writing")
            make(path)
            try:
                stack.enter_context(held(path, wait=HOLD_SECONDS))
                break
            except FileNotFoundError:  # before it was held, another writer swept it away
                continue
        try:
            yield path
        finally:
            with suppress(OSError):
                discard(path)


def _hold(path: Path, *, deadline: float) -> int | None:
    """A descriptor of `path` with a lock on it; None where there are no locks."""
    while fcntl is not None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
            reason = "it was renamed again and again"
        except BlockingIOError:
            reason = "another process is writing there"
        except OSError as error:
            os.close(descriptor)
            if error.errno in _NO_LOCKS:
                return None
            raise
        os.close(descriptor)
        if time.monotonic() >= deadline:
            raise BlockingIOError(errno.EAGAIN, reason, str(path))
        time.sleep(0.01)
    return None


def _release(descriptor: int) -> None:
    assert fcntl is not None
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing alone would not do while a forked child has the descriptor too
    os.close(descriptor)


def _sibling(final: Path, kind: str) -> Path:
    return final.with_name(f"{_prefix(final, kind)}{_machine()}-{uuid.uuid4().hex[:12]}")


def _prefix(final: Path, kind: str) -> str:
    return f".{final.name}.{kind}-"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_of_this_machine(final: Path, sibling: Path) -> bool:
    return sibling.name.startswith(_prefix(final, "writing") + _machine())


def _siblings(final: Path, kind: str) -> list[Path]:
    if not final.parent.is_dir():
        return []
    return sorted(path for path in final.parent.iterdir() if path.name.startswith(_prefix(final, kind)))


def _complete_aside(final: Path) -> Path | None:
    """The whole folder that was renamed aside, if the name `final` is free."""
    if final.exists():
        return None
    return next((path for path in _siblings(final, "old") if (path / _MARKER).is_file()), None)


def _age(path: Path) -> float:
    state = path.stat()
    return time.time() - max(state.st_mtime, state.st_ctime)
